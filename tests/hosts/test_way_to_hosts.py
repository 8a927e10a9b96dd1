"""The way to a host as it is registered: an unprivileged login, what is missing there, and a network that is cut."""

import dataclasses
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common import releases
from common.errors import HostFailed, Refused, TroveError, Unreachable
from tests import ground
from tests.awaiting import until
from tests.hosts import kinds
from tests.hosts.host import Host
from tests.hosts.network import network
from tests.trove.releases import making
from trove.providers.ssh import delivery, looking, programs
from trove.providers.ssh.delivery import AsRoot, Delivery
from trove.providers.ssh.transport import ALIVE_EVERY, ALIVE_MISSED, CONNECT_PATIENCE, Transport
from trove.releases import installing, machine, pruning

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(kinds.missing()), reason=kinds.missing())]


@dataclasses.dataclass(frozen=True)
class Way:
    """As the control plane has it."""

    host: Host
    transport: Transport
    delivery: Delivery
    name: str
    address: str
    user: str
    host_key: str
    port: int = 22

    def run(self, *command: str, root: bool = True, timeout: float = 60) -> str:
        return self.transport.run(self, command, b"", timeout, root=root).output.decode().strip()

    def placed(self) -> list[str]:
        modules = (installing, pruning, machine, looking)
        return programs.call(AsRoot(self.transport, self), modules, "placed", {"root": "/"}, list[str], 60)


@pytest.fixture(scope="module")
def way() -> Iterator[Way]:
    with network() as net, kinds.plain_host(net, "rack1") as host, ground.directory() as directory:
        transport = Transport(directory / "c", lambda: host.key)
        yield Way(host, transport, Delivery(transport, directory / "releases", "tests", directory / "c"), host.name,
                  host.address, host.login, host.host_key)
        transport.close()


@contextmanager
def without(host: Host, path: str) -> Iterator[None]:
    host.run("mv", path, f"{path}.away")
    try:
        yield
    finally:
        host.run("mv", f"{path}.away", path)


def test_the_login_becomes_root_by_sudo_alone(way: Way) -> None:
    assert (way.run("id", "-un"), way.run("id", "-un", root=False)) == ("root", way.user)
    with without(way.host, f"/etc/sudoers.d/{way.user}"), pytest.raises(Refused, match="may not become root") as caught:
        way.run("id", "-un")
    assert f"{way.user} ALL=(root) NOPASSWD: ALL" in caught.value.hint


def test_what_the_host_lacks_is_named(way: Way, tmp_path: Path) -> None:
    with without(way.host, "/usr/bin/sudo"), pytest.raises(HostFailed, match="rack1 has no sudo"):
        way.run("true")
    with without(way.host, "/usr/bin/python3"), pytest.raises(HostFailed, match="rack1 has no python3"):
        way.placed()
    made = making.make(tmp_path / "release")
    with without(way.host, "/usr/bin/rsync"), pytest.raises(HostFailed, match="rack1 has no rsync"):
        way.transport.copy(way, (), made, delivery.STAGING, 60)


def test_a_delivery_by_an_unprivileged_login_is_roots(way: Way) -> None:
    made = making.make(way.delivery.releases / "new")
    total = releases.read(made).total
    made.rename(way.delivery.releases / total)
    path = way.delivery.deliver(way, total).path
    assert path == f"/var/lib/troveguest/releases/{total}"
    assert way.host.run("find", path, "-not", "-user", "root") == "" == way.host.run("find", path, "-perm", "/022")
    assert way.host.run("readlink", "/usr/local/bin/trove-guestagent").strip() == f"{path}/{installing.PROGRAM}"
    assert way.host.run("sh", "-c", "find /home /var/lib/troveguest -path '*/trove/*'") == ""


@pytest.mark.long
def test_a_cut_is_noticed_and_what_had_begun_is_finished(way: Way) -> None:
    errors: list[TroveError] = []

    def order() -> None:
        try:
            way.run("sh", "-c", "touch /run/begun; while [ ! -e /run/go ]; do sleep 0.1; done; touch /run/done")
        except TroveError as error:
            errors.append(error)

    ordering = threading.Thread(target=order)
    ordering.start()
    until(lambda: way.host.find("begun", "/run"), 20, "the command runs")
    began = time.monotonic()
    with way.host.unreachable():
        ordering.join(ALIVE_EVERY * (ALIVE_MISSED + 1) + CONNECT_PATIENCE + 10)
        assert [type(error) for error in errors] == [Unreachable], f"after {time.monotonic() - began:.0f} s"
        with pytest.raises(Unreachable, match="rack1"):
            way.placed()
        way.host.run("touch", "/run/go")
        until(lambda: way.host.find("done", "/run"), 20, "it is finished all the same")
    assert way.placed() == []
