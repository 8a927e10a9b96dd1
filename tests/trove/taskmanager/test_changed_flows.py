"""A flow goes on under a release whose flow has other steps: they are known by their names."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trove.world import World
from trove.db.commands import Asked
from trove.taskmanager import create, delete, durable, restart, steps, turn
from trove.taskmanager.steps import Run, Work, step

pytestmark = pytest.mark.slow

done: list[str] = []


@step("Greets.", patience=5)
def greet(work: Work) -> None:
    done.append("greet")


def renamed(what: steps.Step, name: str) -> steps.Step:
    def body(work: Work) -> None:
        done.append(name)
        what.body(work)

    return steps.Step(name, "As it is called now.", what.patience, body, what.at_most)


def first_of_all(run: Run) -> None:
    run(greet)
    create.create(run)


def in_the_middle(run: Run) -> None:
    for each in (turn.take_turn, create.find_spot, greet, create.place, create.await_agent, create.prepare):
        run(each)
    run.succeed()


def before_the_last(run: Run) -> None:
    for each in (turn.take_turn, create.find_spot, create.place, create.await_agent, create.prepare, greet):
        run(each)
    run.succeed()


def one_less(run: Run) -> None:
    for each in (turn.take_turn, create.find_spot, create.place, create.prepare):
        run(each)
    run.succeed()


def other_order(run: Run) -> None:
    for each in (turn.take_turn, create.find_spot, create.place, create.prepare, create.await_agent):
        run(each)
    run.succeed()


def another_name(run: Run) -> None:
    for each in (turn.take_turn, renamed(create.find_spot, "choose_address"), create.place, create.await_agent,
                 renamed(create.prepare, "make_server")):
        run(each)
    run.succeed()


@pytest.mark.parametrize(("changed", "wanted"), [
    (first_of_all, ["greet"]), (in_the_middle, ["greet"]), (before_the_last, ["greet"]), (one_less, []),
    (other_order, []), (another_name, ["choose_address", "make_server"])])
def test_a_creation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest,
                            changed: Callable[[Run], None], wanted: list[str]) -> None:
    done.clear()
    asked = interrupted(tmp_path)
    monkeypatch.setitem(durable.FLOWS, "create", changed)
    new = World(tmp_path)
    request.addfinalizer(new.close)
    new.manager.start()
    new.guests.finish(asked.instance_id, "prepare", f"{asked.operation_id}.prepare")
    assert new.ended(asked).state == "done"
    assert done == wanted
    assert list(new.guests.journal(asked.instance_id)) == [f"{asked.operation_id}.prepare"], "one order"


def interrupted(root: Path) -> Asked:
    """A creation in the middle of its last step, laid down by the old release."""
    old = World(root)
    old.guests.slow.add("prepare")
    old.manager.start()
    asked = old.create()
    old.until(lambda: old.guests.journal(asked.instance_id))
    old.close()
    return asked


def test_no_flow_has_two_steps_of_one_name() -> None:
    """The second would be taken for done."""
    for flow in (create.create, restart.restart, delete.delete):
        names: list[str] = []

        def note(name: str, _function: Callable[[], str], names: list[str] = names) -> str:
            names.append(name)
            return steps.DONE

        flow(Run(None, "", "", note))  # type: ignore[arg-type]
        assert len(names) == len(set(names)) > 2
