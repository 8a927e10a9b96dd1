"""A whole agent as a process of its own, with the fake engine, over a real broker."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from common.contract import types as t
from common.contract.declare import Method
from common.crypto import random_id
from common.datastores.fake import MANIFEST
from common.errors import Invalid
from common.openstack.rpc.connection import Bus, BusAddress
from common.openstack.rpc.sealing import KeyPair
from tests.broker import Guest
from tests.keys import drawn
from trove.bus.guests import GuestClient
from trove.bus.reports import ConductorServer
from trove.domain.peers import PeerKeys

from .conftest import PATIENCE

pytestmark = pytest.mark.server

CHECKOUT = Path(__file__).resolve().parents[2]
START = "import sys; from troveguest.cli import main; sys.exit(main())"


@dataclass
class Reported:
    """What the conductor was told, in the order in which it came."""

    reports: list[Any] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, instance_id: str, method: Method, arguments: dict[str, Any]) -> None:
        with self.changed:
            self.reports.extend(arguments.values())
            self.changed.notify_all()

    def wait(self, kind: type, fits: Callable[[Any], bool] = lambda report: True) -> Any:
        """The first report of this kind that fits, once it is there."""
        def find() -> Any:
            return next((report for report in self.reports if isinstance(report, kind) and fits(report)), None)

        with self.changed:
            assert self.changed.wait_for(find, PATIENCE), f"no such {kind.__name__} among {self.reports}"
            return find()


@dataclass
class Agent:
    process: subprocess.Popen[str]
    proxy: Any
    told: Reported

    def order(self, name: str, **arguments: object) -> t.Result:
        """Gives an order and waits for its result."""
        operation_id = random_id()
        getattr(self.proxy, name)(operation_id=operation_id, **arguments)
        return self.told.wait(t.Result, lambda result: result.operation_id == operation_id)

    def status(self, status: t.ServiceStatus) -> t.Heartbeat:
        return self.told.wait(t.Heartbeat, lambda heartbeat: heartbeat.status is status)


def _configuration(home: Path, guest: Guest, keys: KeyPair) -> str:
    bus = guest.address
    return f"""\
[DEFAULT]
instance_id = {guest.instance_id}
datastore = fake
datastore_version = 1.0
host = fake
home = {home}
address = 127.0.0.1
port = 3306
memory_mb = 512
observe_interval = 0.2
report_interval = 0.5
[bus]
host = {bus.host}
port = {bus.port}
virtual_host = {bus.virtual_host}
username = {bus.username}
password = {bus.password.reveal()}
ca_file = {bus.ca_file}
server_name = {bus.server_name}
[keys]
epoch = 1
to_guest = {keys.to_guest.text().reveal()}
from_guest = {keys.from_guest.text().reveal()}
"""


@pytest.fixture
def agent(tmp_path: Path, guest: Guest, bus_address: BusAddress,
          make_bus: Callable[[BusAddress, str], Bus]) -> Iterator[Agent]:
    keys, told = drawn(), Reported()
    (tmp_path / "state").mkdir()
    (tmp_path / "agent.conf").write_text(_configuration(tmp_path, guest, keys))
    bus = make_bus(bus_address, "control plane")
    conductor = ConductorServer(bus, lambda instance_id: {1: keys.from_guest}, told.take)
    conductor.start()
    conductor.watch(guest.instance_id)
    client = GuestClient(bus, lambda instance_id: PeerKeys(to_guest=keys.to_guest, from_guest=keys.from_guest))
    process = subprocess.Popen(
        [sys.executable, "-c", START, "run", "--config-file", str(tmp_path / "agent.conf")], cwd=CHECKOUT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield Agent(process, client.of(guest.instance_id), told)
    finally:
        process.kill()
        process.communicate()
        conductor.stop()


def test_it_says_hello_prepares_answers_and_tells_what_it_sees(agent: Agent) -> None:
    hello = agent.told.wait(t.Hello)
    assert hello.agent.capabilities == tuple(sorted(MANIFEST.capabilities))
    assert agent.status(t.ServiceStatus.NEW).stamp > hello.stamp
    order = t.Prepare(memory_mb=512, databases=(t.Database(name="app"),),
                      users=(t.NewUser(name="joe", password=t.Secret("sesame1234"), databases=("app",)),))
    assert agent.order("prepare", order=order).state is t.OperationState.DONE
    # Progress goes over another channel than results do: it may come after the end.
    agent.told.wait(t.Progress, lambda progress: progress.sentence == "Users are being made.")
    healthy = agent.status(t.ServiceStatus.HEALTHY)
    assert healthy.root_enabled is False and healthy.volume is not None and healthy.server_started_at is not None
    assert agent.proxy.rpc_ping() == hello.agent
    assert agent.proxy.list_users(page=t.PageRequest()).items == (t.User(name="joe", databases=("app",)),)
    agent.proxy.enable_root(password=t.Secret("open sesame 1"))
    agent.told.wait(t.Heartbeat, lambda heartbeat: heartbeat.root_enabled is True)
    stamps = [report.stamp for report in agent.told.reports]
    assert len(stamps) == len(set(stamps))


def test_a_server_that_is_stopped_stays_down_until_it_is_started(agent: Agent) -> None:
    agent.order("prepare", order=t.Prepare(memory_mb=512))
    agent.order("stop_db")
    agent.status(t.ServiceStatus.SHUTDOWN)
    assert agent.order("start_db").state is t.OperationState.DONE
    assert agent.order("restart").state is t.OperationState.DONE


def test_settings_wait_for_a_restart_which_fails_where_no_server_starts_with_them(agent: Agent) -> None:
    agent.order("prepare", order=t.Prepare(memory_mb=512, overrides={"max_connections": "7"}))
    for value, state in (("4096", t.OperationState.DONE), ("0", t.OperationState.FAILED)):
        seen = len(agent.told.reports)
        agent.proxy.update_overrides(overrides={"buffer_size": value, "max_connections": "8"},
                                     live=("max_connections",), repair=False)
        assert agent.proxy.get_settings(names=("max_connections", "no_such")) == {"max_connections": "8"}
        agent.told.wait(t.Heartbeat, lambda beat: beat.waiting == ("buffer_size",))
        ended = agent.order("restart")
        assert ended.state is state
        del agent.told.reports[:seen]
        agent.told.wait(t.Heartbeat, lambda beat, end=ended: beat.waiting == () and beat.stamp > end.stamp)
        assert agent.proxy.get_settings(names=("buffer_size",)) == {"buffer_size": "4096"}
    assert ended.failure is not None and ended.failure.code == Invalid.code
    told = agent.told.wait(t.Heartbeat, lambda beat: beat.drift)
    assert told.drift[0].sentence == ended.failure.message and told.status is t.ServiceStatus.RUNNING


def test_what_could_not_be_made_is_named_in_result_and_heartbeat(agent: Agent) -> None:
    order = t.Prepare(memory_mb=512, users=(t.NewUser(name="root", password=t.Secret("sesame1234")),))
    result = agent.order("prepare", order=order)
    assert result.failure is not None and "user 'root'" in result.failure.message
    assert "user 'root'" in agent.status(t.ServiceStatus.FAILED).sentence
    assert result.failure.code != "internal"


def test_it_ends_cleanly_when_told_to(agent: Agent) -> None:
    agent.told.wait(t.Hello)
    agent.process.send_signal(signal.SIGTERM)
    said, _ = agent.process.communicate(timeout=PATIENCE)
    assert agent.process.returncode == 0
    assert "The agent serves." in said and "The agent ends. signal=SIGTERM" in said
    assert "Traceback" not in said and "ERROR" not in said
