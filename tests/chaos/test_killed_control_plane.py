"""kill -9 of the control plane in the middle of long work: the end is what was asked for."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import leftovers
from tests.awaiting import until
from tests.broker_view import BrokerView
from tests.installation import Installation, address, kill, sql, uptime_start

pytestmark = pytest.mark.server


def agent_runs(home: Path) -> bool:
    pid = home / "services" / "agent" / "supervise" / "pid"
    return pid.exists() and bool(pid.read_text().strip())


def server_runs(home: Path) -> bool:
    pid = home / "services" / "database" / "supervise" / "pid"
    return pid.exists() and bool(pid.read_text().strip())


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "as soon as it was asked": lambda home: True,
    "when its directory appears": Path.exists,
    "when its agent runs": agent_runs,
    "when its server starts": server_runs,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_creation_goes_on_where_it_stopped(battered: Installation, moment: str) -> None:
    instance = battered.create(f"create {moment}")
    until(lambda: MOMENTS[moment](battered.home(instance)), 60, moment, every=0.005)
    kill(battered.pid)
    battered.up()
    shown = battered.healthy(instance)
    assert sql(shown, "anna", "secret-anna", "SELECT DATABASE()", "shop") == ["shop"]
    battered.delete(instance)
    battered.gone(instance)


def test_a_deletion_goes_on_where_it_stopped(battered: Installation) -> None:
    instance = battered.create("to be deleted")
    shown = battered.healthy(instance)
    battered.delete(instance)
    kill(battered.pid)
    battered.up()
    battered.gone(instance)
    assert leftovers.of_instance(battered.state, instance, address(shown)) == {}
    assert BrokerView(battered.state).of_instance(instance) == {}


def test_a_creation_called_off_leaves_nothing(battered: Installation) -> None:
    instance = battered.create("called off")
    until(lambda: server_runs(battered.home(instance)), 60, "its server starts", every=0.005)
    battered.delete(instance)
    kill(battered.pid)
    battered.up()
    battered.gone(instance)
    assert leftovers.of_instance(battered.state, instance, "127.0.0.0") == {}
    assert BrokerView(battered.state).of_instance(instance) == {}


def test_servers_serve_on_while_the_control_plane_is_dead(battered: Installation) -> None:
    instance = battered.create("unbroken")
    shown = battered.healthy(instance)
    server = battered.service_pid(instance, "database")
    started = uptime_start(shown, "anna", "secret-anna")
    kill(battered.pid)
    assert sql(shown, "anna", "secret-anna", "SELECT 1") == ["1"]
    battered.up()
    battered.healthy(instance)
    assert battered.service_pid(instance, "database") == server
    assert abs(uptime_start(shown, "anna", "secret-anna") - started) <= 2
    battered.delete(instance)
    battered.gone(instance)


def test_one_that_is_ending_is_not_taken_for_one_that_serves(battered: Installation) -> None:
    former = battered.pid
    os.kill(former, signal.SIGTERM)
    battered.up()
    assert battered.pid != former
    assert battered.request("GET", "/instances")[0] == 200
