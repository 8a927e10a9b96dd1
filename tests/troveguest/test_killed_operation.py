"""An agent that is killed with SIGKILL in the middle of a preparation: the next life ends it as if nothing had been."""

import signal
from pathlib import Path

import pytest

from tests.troveguest.one_life import run
from troveguest.journal import Journal, Wanted

FSYNCS = range(1, 9)
"""Every flush of one life: the journal's key (2), its first writing (2), and a line each for what was accepted, wanted,
ended and delivered."""
LINES = range(1, 5)


def _ground(directory: Path, unmakable: str = "") -> Path:
    (directory / "state").mkdir()
    (directory / "server").mkdir()
    (directory / "unmakable").write_text(unmakable)
    return directory


def _contents(directory: Path) -> set[str]:
    return {file.name for file in (directory / "server").iterdir()}


@pytest.mark.parametrize(("mode", "number"), [*(("fsync", n) for n in FSYNCS), *(("torn", n) for n in LINES)])
def test_a_preparation_is_ended_by_the_next_life(tmp_path: Path, mode: str, number: int) -> None:
    directory = _ground(tmp_path)
    assert run(directory, mode, number) == -signal.SIGKILL
    assert run(directory) == 0
    assert _contents(directory) >= {"initialised", "running", "database.d1", "database.d2", "user.u1"}
    told = set((directory / "told").read_text().splitlines())
    assert told == {"op-1 done None"}
    journal = Journal(directory / "state")
    assert journal.wanted == Wanted(prepared_by="op-1", up=True)
    assert journal.unfinished() == [] and journal.undelivered() == []
    journal.close()


@pytest.mark.parametrize("number", FSYNCS)
def test_a_preparation_that_cannot_succeed_fails_the_same_in_the_next_life(tmp_path: Path, number: int) -> None:
    directory = _ground(tmp_path, unmakable="d2 u1")
    assert run(directory, "fsync", number) == -signal.SIGKILL
    assert run(directory) == 0
    assert "running" not in _contents(directory)
    [told] = set((directory / "told").read_text().splitlines())
    assert told.startswith("op-1 failed") and "database 'd2'" in told and "user 'u1'" in told and "d1" not in told


def test_the_numbers_reach_to_the_end_of_a_life(tmp_path: Path) -> None:
    """Else the tests above would kill too little."""
    assert run(_ground(tmp_path), "fsync", FSYNCS[-1] + 1) == 0
    (tmp_path / "again").mkdir()
    assert run(_ground(tmp_path / "again"), "torn", LINES[-1] + 1) == 0


def test_the_arguments_are_not_readable_on_the_disk(tmp_path: Path) -> None:
    directory = _ground(tmp_path)
    assert run(directory, "fsync", 6) == -signal.SIGKILL
    written = b"".join(file.read_bytes() for file in (directory / "state").iterdir())
    assert b"a secret word" not in written and b"prepare" not in written and b"op-1" not in written
    assert (directory / "state" / "journal").stat().st_mode & 0o077 == 0
    assert (directory / "state" / "journal.key").stat().st_mode & 0o077 == 0
