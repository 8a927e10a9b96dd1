"""A broker that stands still without being dead: it keeps its connections and answers nobody."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import ledger
from tests.awaiting import until
from tests.chaos.test_killed_agent import broker_pid
from tests.installation import Installation, sql

pytestmark = pytest.mark.server

HEARTBEAT = 30.0
"""Seconds between two reports of an agent."""


@contextmanager
def frozen(installation: Installation) -> Iterator[None]:
    broker = broker_pid(installation.state)
    assert broker
    os.kill(broker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker, signal.SIGCONT)


def status(installation: Installation, instance: str) -> tuple[str, str] | None:
    shown = installation.show(instance)
    return (shown["status"], shown["operating_status"]) if shown else None


@pytest.mark.long
def test_servers_serve_meanwhile_and_the_truth_is_known_soon_after(battered: Installation) -> None:
    kept, restarted, unwanted = (battered.create(name) for name in ("kept", "restarted", "unwanted"))
    shown = [battered.healthy(instance) for instance in (kept, restarted, unwanted)]
    warned = battered.state.joinpath("log", "trove.log").read_text().count("NTP")
    with frozen(battered):
        assert battered.request("POST", f"/instances/{restarted}/action", {"restart": {}})[0] == 202
        battered.delete(unwanted)
        until(lambda: status(battered, kept) == ("ACTIVE", "ERROR"), 150, "nobody believes the last report any more")
        assert sql(shown[0], "anna", "secret-anna", "SELECT 1") == ["1"]
        assert sql(shown[1], "anna", "secret-anna", "SELECT 1") == ["1"]
    until(lambda: status(battered, kept) == ("ACTIVE", "HEALTHY"), HEARTBEAT, "the kept one is seen again")
    battered.healthy(restarted)
    battered.gone(unwanted)
    for instance in (kept, restarted):
        assert sql(battered.healthy(instance), "anna", "secret-anna", "SELECT DATABASE()", "shop") == ["shop"]
    ledger.balanced(battered.state, {kept, restarted}, 60)
    assert battered.state.joinpath("log", "trove.log").read_text().count("NTP") == warned
    for instance in (kept, restarted):
        battered.delete(instance)
    ledger.balanced(battered.state, set(), 120)


def test_the_control_plane_ends_although_its_steps_hang(battered: Installation) -> None:
    wanted = battered.create("hangs")
    unwanted = battered.create("hangs as well")
    battered.healthy(unwanted)
    battered.healthy(wanted)
    with frozen(battered):
        battered.delete(unwanted)
        assert battered.request("POST", f"/instances/{wanted}/action", {"restart": {}})[0] == 202
        until(lambda: not battered.home(unwanted).exists(), 60, "what is left to remove is on the broker")
        os.kill(battered.pid, signal.SIGTERM)
        until(lambda: not os.path.exists(f"/proc/{battered.pid}"), 30, "the control plane has ended")
    battered.up()
    battered.gone(unwanted)
    battered.healthy(wanted)
    battered.delete(wanted)
    ledger.balanced(battered.state, set(), 120)
