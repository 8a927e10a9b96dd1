"""Kill -9 of the task manager before and after the work of every step: the next one brings the flow to its end."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.errors import NotFound
from tests import awaiting
from tests.trove.world import World
from trove.db import guests
from trove.db.commands import Asked

pytestmark = pytest.mark.long

STEPS = {
    "create": ("begin", "take_turn", "find_spot", "place", "await_agent", "prepare", "succeed"),
    "restart": ("begin", "take_turn", "restart_server", "succeed"),
    "delete": ("begin", "take_turn", "unplace", "close_bus", "succeed"),
}
POINTS = [(kind, step, when) for kind, names in STEPS.items() for step in names for when in ("before", "after")]


@contextmanager
def task_manager(root: Path, *doom: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own; what it says on standard error is the test's."""
    command = [sys.executable, "-m", "tests.trove.taskmanager.mortal", str(root), *doom]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=Path(__file__).parents[3])
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def done(world: World, asked: Asked) -> None:
    awaiting.until(lambda: world.operation(asked).ended, 40, f"the end of {world.operation(asked).kind}")
    assert world.operation(asked).state == "done"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The API's side: it asks, and the processes under test do."""
    made = World(tmp_path)
    yield made
    made.store.close()


@pytest.mark.parametrize(("kind", "step", "when"), POINTS)
def test_the_flow_comes_to_its_end(world: World, tmp_path: Path, kind: str, step: str, when: str) -> None:
    asked = creation = world.create()
    with task_manager(tmp_path, kind, step, when) as doomed:
        if kind != "create":
            done(world, creation)
            asked = world.restart(creation.instance_id) if kind == "restart" else world.delete(creation.instance_id)
        assert doomed.wait(40) == -9
    if when == "before" and step == "begin":
        assert world.operation(asked).state == "asked"
    with task_manager(tmp_path) as healthy:
        done(world, asked)
        assert healthy.poll() is None
    look = {"create": look_at_served, "restart": look_at_served, "delete": look_at_nothing}[kind]
    look(world, asked)


def look_at_served(world: World, asked: Asked) -> None:
    found = world.instance(asked.instance_id)
    assert (found.status, found.address, found.fault) == ("ACTIVE", "127.64.0.1", None)
    journal = world.guests.journal(asked.instance_id)
    assert len(journal) == len(world.commands.list_operations("p", asked.instance_id)), "each order was given once"
    assert set(journal.values()) == {"done"}
    assert [each.in_use for each in world.commands.quotas("p")] == [1, 512, 1, 0]
    with world.store.read() as connection:
        assert guests.order(connection, world.store.vault, asked.instance_id) is None


def look_at_nothing(world: World, asked: Asked) -> None:
    with pytest.raises(NotFound):
        world.instance(asked.instance_id)
    assert not world.provider.placed(None) and not world.topology.exists(asked.instance_id)
    assert {each.in_use for each in world.commands.quotas("p")} == {0}


def test_a_deletion_that_was_asked_for_while_nobody_ran(world: World, tmp_path: Path) -> None:
    """The creation is called off between two lives: its flow ends, then the deletion removes what it had made."""
    creation = world.create()
    with task_manager(tmp_path, "create", "prepare", "before") as doomed:
        assert doomed.wait(40) == -9
    deletion = world.delete(creation.instance_id)
    with task_manager(tmp_path):
        done(world, deletion)
    assert world.operation(creation).state == "cancelled"
    look_at_nothing(world, deletion)
