"""Files that are whole or not there, with their mode from the first moment, and ports that are free."""

import pathlib
import socket

import pytest

from trove.standalone import files, ports


def test_written_once_with_its_mode(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "secret"
    assert files.write(path, "one", 0o400)
    assert path.read_text() == "one"
    assert path.stat().st_mode & 0o777 == 0o400
    assert not files.write(path, "one", 0o400)
    assert files.write(path, "two")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_mode_that_somebody_opened_is_closed_again(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "secret"
    files.write(path, "one")
    path.chmod(0o644)
    assert not files.write(path, "one")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_failure_leaves_the_former_file_and_no_other(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    files.write(path, "one")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write(path, "two")
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]
    assert path.read_text() == "one"


def test_chosen_ports_differ_and_lie_below_those_of_outgoing_connections() -> None:
    chosen = ports.choose(20)
    assert len(set(chosen)) == 20
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(chosen) < lowest


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert not ports.is_free(server.getsockname()[1])
        assert ports.is_free(server.getsockname()[1], "127.0.0.2")
