"""Commands on another machine, and what is said when they cannot be given."""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import DeadlinePassed, HostFailed, Refused, TroveError, Unreachable
from tests import ground
from tests.awaiting import until
from tests.trove.providers.ssh import servers
from tests.trove.providers.ssh.servers import Machine, Server
from trove.providers.ssh import hostkeys, identity
from trove.providers.ssh.transport import Transport

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with ground.directory() as directory, servers.running(directory) as made:
        yield made


def run(machine: Machine, *command: str, server: Server | None = None, given: bytes = b"", root: bool = False,
        timeout: float = 30) -> bytes:
    return machine.transport.run(server or machine.server, command, given, timeout, root=root).output


def test_words_and_bytes_arrive_as_they_are(machine: Machine) -> None:
    words = ("a b", "$HOME", "'", "*", "é", "")
    assert run(machine, "printf", "%s|", *words).decode() == "|".join(words) + "|"
    assert run(machine, "cat", given=bytes(range(256)) * 1000) == bytes(range(256)) * 1000


def test_an_exit_code_is_the_commands_own(machine: Machine) -> None:
    ended = machine.transport.run(machine.server, ["sh", "-c", "echo out; echo err >&2; exit 7"], b"", 30, root=False)
    assert (ended.code, ended.output, ended.errors) == (7, b"out\n", b"err\n")


def test_later_commands_share_the_first_ones_connection(machine: Machine) -> None:
    peers = {run(machine, "printenv", "SSH_CLIENT") for _ in range(3)}
    assert len(peers) == 1, "one port of ours, so one connection"
    machine.transport.close()
    assert run(machine, "printenv", "SSH_CLIENT") not in peers


def test_nothing_of_our_environment_goes_along(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_PLANTED", "secret")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nowhere")
    assert b"PLANTED" not in run(machine, "env") and b"AUTH_SOCK" not in run(machine, "env")


def test_what_is_begun_is_finished(machine: Machine, tmp_path: Path) -> None:
    """The connection goes in the middle, with the client; the command does not notice."""
    begun, done = tmp_path / "begun", tmp_path / "done"
    line = f"read order; touch {begun}; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; touch {done}; echo $order"
    thread = threading.Thread(target=_ignoring, args=(machine, line))
    thread.start()
    until(begun.exists, 20, "the command runs")
    machine.cut()
    thread.join(20)
    (tmp_path / "go").touch()
    until(done.exists, 20, "the command is finished")


def _ignoring(machine: Machine, line: str) -> None:
    with contextlib.suppress(TroveError):
        run(machine, "sh", "-c", line, given=b"order\n")


def test_who_takes_too_long_is_told_so(machine: Machine) -> None:
    with pytest.raises(DeadlinePassed, match="rack1 took longer than 1 s"):
        run(machine, "sleep", "60", timeout=1)


def other_key(machine: Machine, directory: Path) -> Server:
    key = identity.public(identity.ensure(directory / "other", "x"))
    return dataclasses.replace(machine.server, host_key=hostkeys.parsed(key))


def test_another_host_key_is_refused(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="another host key than the one it is registered with") as caught:
        run(machine, "true", server=other_key(machine, tmp_path))
    assert "remove it and add it again" in caught.value.hint


def test_a_login_that_does_not_know_us_is_told_with_its_remedy(machine: Machine, tmp_path: Path) -> None:
    with ground.directory() as directory:
        stranger = Transport(directory, lambda: identity.ensure(tmp_path / "stranger", "x"))
        with pytest.raises(Refused, match="does not let us in") as caught:
            stranger.run(machine.server, ["true"], b"", 30, root=False)
    assert "trovectl host key" in caught.value.hint and not caught.value.retryable


@pytest.mark.parametrize("change", [{"port": 1}, {"address": "nowhere.invalid"}])
def test_a_machine_that_does_not_answer_is_unreachable(machine: Machine, change: dict) -> None:
    with pytest.raises(Unreachable, match=r"rack1 .* cannot be reached") as caught:
        run(machine, "true", server=dataclasses.replace(machine.server, **change))
    assert caught.value.retryable


def test_a_program_that_is_missing_is_named(machine: Machine) -> None:
    with pytest.raises(HostFailed, match="has no moon-lander"):
        run(machine, "moon-lander")


def test_a_command_that_is_killed_is_no_answer(machine: Machine) -> None:
    with pytest.raises(Unreachable):
        run(machine, "sh", "-c", "kill -9 $$")


def test_the_key_that_a_machine_shows_is_the_one_on_its_disk(machine: Machine) -> None:
    shown = hostkeys.offered(machine.server.address, machine.server.port)
    assert shown == machine.server.host_key
    with pytest.raises(Unreachable, match="No SSH server answers"):
        hostkeys.offered(machine.server.address, 1)
