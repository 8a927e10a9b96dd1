"""The state directory: who may work in it, who works in it, and what of it is an installation's own."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from common.errors import Conflict, HostFailed, Invalid
from trove.standalone import processes, service
from trove.standalone.state import Control, State, default_root


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "state")
    made.make()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_others_pass_through_and_read_nothing(state: State) -> None:
    assert mode(state.root) == 0o711 and mode(state.log.parent) == 0o700
    assert [mode(state.root / name) for name in ("instances", "run")] == [0o711, 0o700]


def test_the_options_are_closed_to_others(state: State) -> None:
    state.configuration.touch(mode=0o600)
    for given, left in ((0o644, 0o640), (0o600, 0o600)):
        state.configuration.chmod(given)
        state.make()
        assert mode(state.configuration) == left


def test_nobody_else_reads_what_is_stored(state: State) -> None:
    connection = sqlite3.connect(state.sqlite(state.store).removeprefix("sqlite:///"))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (i INT)")
    assert {mode(path) for path in state.root.glob("trove.sqlite*")} == {0o600}
    connection.close()


def test_a_path_too_long_for_the_sockets_of_databases_is_refused_at_once() -> None:
    State(Path("/" + 42 * "x")).check_length()
    with pytest.raises(Invalid, match="44 bytes"):
        State(Path("/" + 43 * "x")).check_length()


def test_one_control_plane_at_a_time(state: State) -> None:
    with state.held(), pytest.raises(Conflict), state.held():
        raise AssertionError("two at once")
    with state.held():
        assert state.exists


def test_the_control_plane_that_serves_is_found(state: State) -> None:
    assert state.control() is None and state.last_port() is None
    mine = service.own_control("http://127.0.0.1:8790")
    state.announce(mine)
    assert state.control() == mine and state.last_port() == 8790


def test_a_dead_one_serves_no_more_though_its_number_is_taken(state: State) -> None:
    own = processes.of(os.getpid())
    assert own is not None
    state.announce(Control(pid=own.pid, started=own.started - 1, endpoint="http://127.0.0.1:8790", build="x"))
    assert state.control() is None and state.last_port() == 8790


def test_a_torn_announcement_is_none(state: State) -> None:
    (state.root / "run" / "control.json").write_text('{"pid": 1')
    assert state.control() is None and state.last_port() is None


def test_looking_makes_nothing(tmp_path: Path) -> None:
    nowhere = State(tmp_path / "nowhere")
    assert not nowhere.exists and nowhere.control() is None
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostFailed, match="file/state"):
        State(tmp_path / "file" / "state").make()


def test_what_an_operator_put_there_is_not_ours(state: State) -> None:
    state.configuration.write_text("[DEFAULT]\n")
    state.store.write_text("")
    (state.root / "trove.sqlite-wal").write_text("")
    made = state.made()
    assert state.configuration not in made
    assert {state.store, state.root / "trove.sqlite-wal", state.root / "instances"} <= set(made)


def test_the_default_place_depends_on_who_asks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_root() == Path("/var/lib/trove")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_root() == tmp_path / "trove"
