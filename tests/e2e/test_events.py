"""Somebody follows what happens with ``trovectl events`` while an instance lives, and while the control plane dies."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import ground
from tests.awaiting import until
from tests.installation import BIN, Installation, installation, kill

pytestmark = pytest.mark.server

FLOWS = {
    "create": ["take_turn", "find_spot", "place", "await_agent", "prepare"],
    "restart": ["take_turn", "restart_server"],
    "delete": ["take_turn", "unplace", "close_bus"],
}

Event = dict[str, Any]


class Follower:
    """``trovectl events --follow --json`` as a process, and what it has printed."""

    def __init__(self, installed: Installation, directory: Path) -> None:
        self._out = directory / "followed"
        # a shell that runs the tests in the background has SIGINT ignored
        command = ["env", "--default-signal=INT", BIN / "trovectl", "events", "--follow", "--json", "--since", "1h",
                   "--state", installed.state]
        with self._out.open("w") as out, (directory / "complaints").open("w") as complaints:
            self.process = subprocess.Popen(command, stdout=out, stderr=complaints, cwd="/")

    @property
    def events(self) -> list[Event]:
        whole = self._out.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def heard(self, kind: str, times: int = 1, **members: str) -> Event:
        """The last of so many events of that kind."""
        def look() -> Event | None:
            found = [each for each in self.events if each["kind"] == kind and members.items() <= each.items()]
            return found[times - 1] if len(found) >= times else None
        return until(look, 120, f"{times} of {kind} {members} in {self._out.read_text()}")

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture
def installed() -> Iterator[Installation]:
    with ground.directory() as directory, installation(directory / "state") as made:
        yield made


def test_all_that_happens_is_told_in_order_and_once(installed: Installation, tmp_path: Path) -> None:
    follower = Follower(installed, tmp_path)
    try:
        instance = live(installed, follower)
        told = follower.events
        assert follower.interrupt() == 0
    finally:
        if follower.process.poll() is None:
            follower.process.kill()
    assert [each["id"] for each in told] == sorted({each["id"] for each in told})
    status, answer = installed.request("GET", f"/instances/{instance}/events?limit=1000")
    assert (status, told) == (200, answer["events"])
    assert {each["instance_name"] for each in told} == {"till"}
    the_operations_are_whole(told)
    the_statuses_are_a_chain(told)
    assert "secret-anna" not in json.dumps(told)


def live(installed: Installation, follower: Follower) -> str:
    """Create, with the control plane killed in the middle; restart; the server killed, then the agent; delete."""
    instance = installed.create("till")
    follower.heard("operation.step", step="place")
    kill(installed.pid)
    installed.up()
    follower.heard("operation.done")
    installed.healthy(instance)
    assert installed.request("POST", f"/instances/{instance}/action", {"restart": {}})[0] == 202
    follower.heard("operation.done", 2)
    installed.healthy(instance)
    kill(installed.service_pid(instance, "database"))
    restarted = follower.heard("server.restarted")
    assert restarted["operation_id"] is None
    installed.healthy(instance)
    kill(installed.service_pid(instance, "agent"))
    follower.heard("agent.appeared", 2)
    installed.delete(instance)
    follower.heard("operation.done", 3)
    return instance


def the_operations_are_whole(told: list[Event]) -> None:
    """Each has been asked for, done its steps in their order, each told once, and ended; one after the other."""
    asked = [each for each in told if each["kind"] == "operation.asked"]
    assert len(asked) == len(FLOWS)
    for (kind, steps), beginning in zip(FLOWS.items(), asked, strict=True):
        mine = [each for each in told if each["operation_id"] == beginning["operation_id"]]
        assert [each["step"] for each in mine if each["kind"] == "operation.step"] == steps, kind
        assert (mine[0], mine[-1]["kind"]) == (beginning, "operation.done"), kind
        assert {each["request_id"] for each in mine} == {beginning["request_id"]}, kind


def the_statuses_are_a_chain(told: list[Event]) -> None:
    moves = [(each["from"], each["to"]) for each in told if each["kind"] == "instance.status"]
    assert moves == [("BUILD", "ACTIVE"), ("ACTIVE", "REBOOT"), ("REBOOT", "ACTIVE"), ("ACTIVE", "SHUTDOWN")]
    assert [each["kind"] for each in told].count("server.restarted") == 1
