"""People who change their minds: at every step of long work, twice at once, and in the middle of something else."""

import sqlite3
import threading
from contextlib import closing

import pytest

from tests import ledger
from tests.awaiting import until
from tests.installation import Installation

pytestmark = pytest.mark.server

STEPS = ("", "take_turn", "find_spot", "place", "await_agent", "prepare")


def operations(installation: Installation, instance: str) -> list[tuple[str, str, str]]:
    """(kind, state, step), oldest first."""
    with closing(sqlite3.connect(f"file:{installation.state / 'trove.sqlite'}?mode=ro", uri=True)) as store:
        return store.execute("SELECT kind, state, step FROM operations WHERE instance_id = ? ORDER BY created",
                             (instance,)).fetchall()


def act(installation: Installation, instance: str, action: str) -> int:
    return installation.request("POST", f"/instances/{instance}/action", {action: {}})[0]


def gone_without_a_trace(installation: Installation, instance: str) -> None:
    installation.gone(instance)
    ledger.balanced(installation.state, set(), 60)


@pytest.mark.parametrize("step", STEPS)
def test_a_creation_is_called_off_at_any_step(battered: Installation, step: str) -> None:
    instance = battered.create(f"called off at {step or 'once'}")
    until(lambda: STEPS.index(operations(battered, instance)[0][2]) >= STEPS.index(step), 60, step, every=0.002)
    battered.delete(instance)
    gone_without_a_trace(battered, instance)
    assert [row[:2] for row in operations(battered, instance)] == [("create", "cancelled"), ("delete", "done")]


def test_deleted_by_many_at_once(battered: Installation) -> None:
    instance = battered.create("unloved")
    battered.healthy(instance)
    answers: list[int] = []

    def delete() -> None:
        answers.append(battered.request("DELETE", f"/instances/{instance}")[0])

    people = [threading.Thread(target=delete) for _ in range(6)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert 202 in answers and set(answers) <= {202, 404}
    gone_without_a_trace(battered, instance)
    assert [row[:2] for row in operations(battered, instance)] == [("create", "done"), ("delete", "done")]


def test_a_restart_during_a_restart_is_refused_and_harms_nothing(battered: Installation) -> None:
    instance = battered.create("restarted")
    battered.healthy(instance)
    assert act(battered, instance, "restart") == 202
    assert act(battered, instance, "restart") in (409, 422)
    battered.healthy(instance)
    assert act(battered, instance, "restart") == 202
    battered.delete(instance)
    gone_without_a_trace(battered, instance)


@pytest.mark.parametrize("state", ["BUILD", "ACTIVE", "REBOOT", "SHUTDOWN", "ERROR"])
def test_reset_in_any_state_and_then_deleted(battered: Installation, state: str) -> None:
    instance = battered.create(f"reset in {state}")
    if state in ("ACTIVE", "REBOOT", "SHUTDOWN"):
        battered.healthy(instance)
    if state == "REBOOT":
        act(battered, instance, "restart")
    if state == "SHUTDOWN":
        battered.delete(instance)
    if state == "ERROR":
        act(battered, instance, "reset_status")
    shown = battered.show(instance)
    assert shown is not None and shown["status"] == state
    assert act(battered, instance, "reset_status") == 202
    shown = battered.show(instance)
    assert shown is not None and shown["status"] == ("ACTIVE" if state in ("ACTIVE", "REBOOT") else "ERROR")
    battered.delete(instance)
    gone_without_a_trace(battered, instance)
