"""kill -9 of an agent, and of the broker beneath it: the database does not notice, and orders are carried out."""

import os
from pathlib import Path

import pytest

from tests.awaiting import until
from tests.installation import Installation, kill, sql, uptime_start

pytestmark = pytest.mark.server


def agent_pid(installation: Installation, instance: str) -> int:
    try:
        return installation.service_pid(instance, "agent")
    except FileNotFoundError:
        return 0


def kill_agent_and_await_the_next(installation: Installation, instance: str) -> None:
    first = until(lambda: agent_pid(installation, instance), 60, "the agent runs", every=0.005)
    kill(first)
    until(lambda: agent_pid(installation, instance) not in (0, first), 60, "the next agent runs", every=0.01)


@pytest.mark.parametrize("times", [1, 4])
def test_a_creation_survives_its_agents_death(battered: Installation, times: int) -> None:
    instance = battered.create(f"agent dies {times}")
    for _ in range(times):
        kill_agent_and_await_the_next(battered, instance)
    shown = battered.healthy(instance)
    assert sql(shown, "anna", "secret-anna", "SELECT DATABASE()", "shop") == ["shop"]
    battered.delete(instance)
    battered.gone(instance)


def test_the_server_outlives_its_agent_and_answers_orders_through_the_next(battered: Installation) -> None:
    instance = battered.create("outlives")
    shown = battered.healthy(instance)
    server, started = battered.service_pid(instance, "database"), uptime_start(shown, "anna", "secret-anna")
    kill_agent_and_await_the_next(battered, instance)

    def made() -> bool:
        status, _ = battered.request("POST", f"/instances/{instance}/databases", {"databases": [{"name": "later"}]})
        return status == 202

    until(made, 60, "the next agent takes orders")
    assert sql(shown, "anna", "secret-anna", "SELECT 1") == ["1"]
    assert battered.service_pid(instance, "database") == server
    assert abs(uptime_start(shown, "anna", "secret-anna") - started) <= 2
    battered.delete(instance)
    battered.gone(instance)


def test_a_killed_server_is_started_again(battered: Installation) -> None:
    instance = battered.create("crashes")
    shown = battered.healthy(instance)
    server = battered.service_pid(instance, "database")
    kill(server)
    until(lambda: battered.service_pid(instance, "database") not in (0, server), 60, "the server runs again")
    battered.healthy(instance)
    until(lambda: answers(shown), 60, "the server answers")
    battered.delete(instance)
    battered.gone(instance)


def answers(shown: dict) -> bool:
    try:
        return sql(shown, "anna", "secret-anna", "SELECT 1") == ["1"]
    except AssertionError:
        return False


def broker_pid(state: Path) -> int:
    """The Erlang machine of the installation's broker: the process whose command line names its directory."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"beam" in words.split(b"\0")[0] and str(state).encode() in words:
            return int(entry.name)
    return 0


def test_a_killed_broker_is_started_again_and_nobody_else_is_disturbed(battered: Installation) -> None:
    instance = battered.create("broker dies")
    shown = battered.healthy(instance)
    server, agent = battered.service_pid(instance, "database"), battered.service_pid(instance, "agent")
    first = broker_pid(battered.state)
    assert first
    kill(first)
    until(lambda: broker_pid(battered.state) not in (0, first), 90, "the broker runs again")
    later = battered.create("after the broker")
    battered.healthy(later)
    assert battered.service_pid(instance, "database") == server
    assert battered.service_pid(instance, "agent") == agent and os.path.exists(f"/proc/{agent}")
    status, answer = until(lambda: listed(battered, instance), 60, "the old agent answers again")
    assert status == 200 and [row["name"] for row in answer["databases"]] == ["shop"]
    for each in (instance, later):
        battered.delete(each)
        battered.gone(each)
    assert shown["id"] == instance


def listed(battered: Installation, instance: str) -> tuple[int, dict] | None:
    status, answer = battered.request("GET", f"/instances/{instance}/databases")
    return (status, answer) if status == 200 else None
