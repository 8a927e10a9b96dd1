"""The life of a private broker: detached, adopted, killed, started again, beside another one, gone without a trace."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import amqp
import pytest

from common import errors
from common.secret import Secret
from tests import awaiting
from tests.trove.bus import amqp_peer
from trove.bus import names
from trove.bus.topology import GuestTopology
from trove.standalone import processes, rabbit
from trove.standalone.authority import Authority
from trove.standalone.rabbit import PrivateNode

pytestmark = [pytest.mark.server, pytest.mark.long]

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
INSTANCE = "3e1b5c1e-0000-4000-8000-000000000001"


def node_in(state: pathlib.Path) -> PrivateNode:
    return PrivateNode(state / "rabbit", Authority(state / "ca"))


@contextlib.contextmanager
def state_directory() -> Iterator[pathlib.Path]:
    """One that the node's user can enter; whatever a failed test left running in it is ended."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="trove-node-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        node_in(path).stop()
        shutil.rmtree(path)


@pytest.fixture
def state() -> Iterator[pathlib.Path]:
    with state_directory() as path:
        yield path


@pytest.fixture(scope="module")
def kept_state() -> Iterator[pathlib.Path]:
    with state_directory() as path:
        yield path


@pytest.fixture
def node(kept_state: pathlib.Path) -> PrivateNode:
    """A node that runs. Starting takes seconds, so a test gets the one that the test before it has left, if it has."""
    made = node_in(kept_state)
    made.start()
    return made


def broker_of(node: PrivateNode) -> processes.Process:
    return node.family()[0]


def listeners(node: PrivateNode) -> set[tuple[str, int]]:
    """(address in the kernel's hexadecimal form, port) of every listening TCP socket of the node's processes."""
    found = set()
    for process in node.family():
        descriptors = pathlib.Path(f"/proc/{process.pid}/fd").iterdir()
        inodes = {str(path.readlink())[8:-1] for path in descriptors if str(path.readlink()).startswith("socket:[")}
        for table in ("tcp", "tcp6"):
            lines = pathlib.Path(f"/proc/{process.pid}/net/{table}").read_text().splitlines()[1:]
            rows = (line.split() for line in lines)
            found |= {
                (row[1].split(":")[0], int(row[1].split(":")[1], 16))
                for row in rows
                if row[3] == "0A" and row[9] in inodes
            }
    return found


LOOPBACK = {"0100007F", "00000000000000000000000001000000"}


def test_it_listens_on_loopback_alone_and_stops_without_a_trace(node: PrivateNode) -> None:
    family, ports = node.family(), node.ports
    listening = listeners(node)
    assert {port for _, port in listening} == {ports.amqp, ports.management, ports.distribution, ports.epmd}
    assert {address for address, _ in listening} <= LOOPBACK

    node.stop()

    assert not any(process.alive() for process in family)
    assert node.family() == []
    for _, port in listening:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5)
    assert not names_of_processes_in(node.home)


def test_amqp_and_nothing_else_listens_where_the_operator_says(node: PrivateNode) -> None:
    """With a name of its own in the certificate."""
    there = "127.93.84.75"
    moved = PrivateNode(node.home, Authority(node.authority.directory, [there]), there)
    moved.start()
    packed = "".join(f"{int(part):02X}" for part in reversed(there.split(".")))
    assert {port for address, port in listeners(moved) if address == packed} == {moved.ports.amqp}
    assert {address for address, port in listeners(moved) if port != moved.ports.amqp} <= LOOPBACK
    context = ssl.create_default_context(cafile=str(moved.authority.certificate))
    for address in ("127.0.0.1", there):
        with socket.create_connection((address, moved.ports.amqp), 5) as plain:
            context.wrap_socket(plain, server_hostname=address).close()
    assert "loopback_users.control = true" in (moved.home / "etc" / "rabbitmq.conf").read_text()
    with pytest.raises(errors.HostFailed, match=r"cannot listen on 192\.0\.2\.1"):
        stopped = PrivateNode(node.home, node.authority, "192.0.2.1")
        stopped.stop()
        stopped.start()


def names_of_processes_in(home: pathlib.Path) -> list[str]:
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it ended while we looked
            if entry.name.isdecimal() and str(home) in str((entry / "cwd").readlink()):
                found.append((entry / "comm").read_text())
    return found


def test_it_speaks_tls_alone(broker: PrivateNode) -> None:
    plain = amqp.Connection(f"127.0.0.1:{broker.ports.amqp}", connect_timeout=10, read_timeout=10)
    with pytest.raises((OSError, amqp.AMQPError)):
        plain.connect()


def test_no_secret_is_on_a_command_line_in_an_environment_or_open_to_others(broker: PrivateNode) -> None:
    secrets = [broker.login().password.reveal(), (broker.home / "etc" / ".erlang.cookie").read_text()]
    for process in broker.family():
        for file in ("cmdline", "environ"):
            shown = pathlib.Path(f"/proc/{process.pid}/{file}").read_text()
            assert not any(secret in shown for secret in secrets)
    for path in broker.home.rglob("*"):
        if path.is_file() and any(secret in path.read_text(errors="replace") for secret in secrets):
            assert path.stat().st_mode & 0o077 == 0, path


def test_the_node_can_write_to_nothing_but_its_own_directory(broker: PrivateNode) -> None:
    if os.geteuid() != 0:
        pytest.skip("without root there is one user and one trust domain")
    uid = os.stat(f"/proc/{broker_of(broker).pid}").st_uid
    assert uid != 0
    directories = [broker.home, *(path for path in broker.home.iterdir() if path.is_dir())]
    assert [path.name for path in directories if path.stat().st_uid == uid] == ["var"]


def test_a_killed_control_plane_leaves_it_running_and_the_next_one_adopts_it(state: pathlib.Path) -> None:
    script = (
        "import pathlib, sys; from tests.trove.standalone.test_private_node import node_in;"
        f"node_in(pathlib.Path({str(state)!r})).start(); print('up', flush=True); sys.stdin.read()"
    )
    control = subprocess.Popen(
        [sys.executable, "-c", script], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with control:
        assert control.stdout is not None
        assert control.stdout.readline() == b"up\n"
        before = node_in(state).family()
        control.kill()
    next_one = node_in(state)
    assert next_one.running()
    next_one.start()
    assert next_one.family()[0] == before[0]
    next_one.stop()
    assert not any(process.alive() for process in before)


def test_a_control_plane_killed_while_it_starts_the_node_leaves_one_to_adopt(state: pathlib.Path) -> None:
    script = (
        "import pathlib; from tests.trove.standalone.test_private_node import node_in;"
        f"node_in(pathlib.Path({str(state)!r})).start()"
    )
    control = subprocess.Popen([sys.executable, "-c", script], cwd=CHECKOUT)
    node = node_in(state)
    launched = awaiting.until(lambda: (state / "rabbit" / "node.json").exists() and node.family()[:1], 60, "a launch")
    control.kill()
    control.wait()
    node.start()
    if len(launched) == 1 and launched[0] in node.family():
        assert broker_of(node).alive()
    assert (
        len(
            processes.with_arguments(
                (rabbit.MARK, str(node.home / "etc")), os.stat(f"/proc/{broker_of(node).pid}").st_uid
            )
        )
        == 1
    )


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_after_its_end_it_starts_again_with_all_that_is_durable(end: signal.Signals, node: PrivateNode) -> None:
    with contextlib.closing(node.admin()) as admin:
        topology = GuestTopology(admin)
        topology.prepare()
        topology.create(INSTANCE, {1: Secret("guest's own")})
        orders = names.guest_queue(INSTANCE)
        address = node.bus_address()
        with amqp_peer.confirming_channel(address) as channel:
            channel.basic_publish_confirm(amqp.Message("kept", delivery_mode=2), names.GUESTS_EXCHANGE, orders)
        before, ports = broker_of(node), node.ports
        assert not node.await_end(0)
        os.kill(before.pid, end)
        assert node.await_end(60)

        node.start()

        assert broker_of(node) != before
        assert node.ports == ports
        assert topology.exists(INSTANCE)
        assert admin.permissions(names.login(INSTANCE)) == names.permissions(INSTANCE)
        assert amqp_peer.bodies(address, orders) == ["kept"]
        guest = node.login_of(names.login(INSTANCE), Secret("guest's own"))
        assert guest.port == address.port


def test_two_nodes_live_side_by_side(broker: PrivateNode, node: PrivateNode) -> None:
    pids = {process.pid for process in broker.family()}
    assert not pids & {process.pid for process in node.family()}
    assert not set(ports_of(broker)) & set(ports_of(node))
    node.stop()
    with contextlib.closing(broker.admin()) as admin:
        assert admin.whoami() == rabbit.ADMINISTRATOR
    assert {process.pid for process in broker.family()} == pids


def ports_of(node: PrivateNode) -> tuple[int, ...]:
    return (node.ports.amqp, node.ports.management, node.ports.distribution, node.ports.epmd)


def test_a_port_that_somebody_took_meanwhile_is_named(node: PrivateNode) -> None:
    node.stop()
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", node.ports.amqp))
        thief.listen()
        with pytest.raises(errors.HostFailed, match=str(node.ports.amqp)):
            node.start()
    assert node.family() == []


def test_a_node_that_cannot_start_says_why(node: PrivateNode, monkeypatch: pytest.MonkeyPatch) -> None:
    node.stop()
    monkeypatch.setattr(rabbit.rabbit_files, "_CONFIGURATION", "no_such_setting = 1\n")
    with pytest.raises(errors.HostFailed, match="no_such_setting"):
        node.start()
    assert node.family() == []


def test_other_settings_restart_it(node: PrivateNode, monkeypatch: pytest.MonkeyPatch) -> None:
    before = broker_of(node)
    node.start()
    assert broker_of(node) == before
    monkeypatch.setattr(rabbit.rabbit_files, "MEMORY_LIMIT", "401MiB")
    node.start()
    assert broker_of(node) != before


def test_it_serves_a_renewed_certificate_without_a_restart(node: PrivateNode, monkeypatch: pytest.MonkeyPatch) -> None:
    before = broker_of(node)
    renamed = PrivateNode(node.home, Authority(node.authority.directory, ["new.example.org"]))
    assert not node.renew()
    assert renamed.renew()
    assert (node.home / "etc" / "server.pem").read_bytes() == node.authority.server.read_bytes()
    renamed.start()
    assert broker_of(node) == before


def test_stopping_what_never_was_is_fine(tmp_path: pathlib.Path) -> None:
    never = node_in(tmp_path)
    never.stop()
    assert not never.running()
    with pytest.raises(errors.NotFound):
        never.login()


def test_as_root_a_closed_directory_above_it_is_named(tmp_path: pathlib.Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("an ordinary user's node is his own")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(errors.HostFailed) as refusal:
        node_in(closed).start()
    assert refusal.value.hint == f"Run: chmod o+x {closed}"
