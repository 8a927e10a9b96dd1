"""The control plane's log stays within bounds and loses no line, whoever writes to its standard error."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trove.standalone.logfile import Rotation


@pytest.fixture
def standard(tmp_path: Path) -> Iterator[int]:
    """A descriptor that stands for standard error, appending to ``trove.log``."""
    descriptor = os.open(tmp_path / "trove.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def say(tmp_path: Path, standard: int) -> Callable[[str], None]:
    """Writes a line past all handlers, as another program would, then lets the rotation look."""
    rotation = Rotation(tmp_path / "trove.log", most=100, kept=3, standard=(standard,))

    def write(line: str) -> None:
        os.write(standard, f"{line}\n".encode())
        rotation.handle(logging.makeLogRecord({}))

    return write


def test_no_line_is_lost_while_there_is_room(tmp_path: Path, say: Callable[[str], None]) -> None:
    said = [f"{number:>9}" for number in range(35)]
    for line in said:
        say(line)
    files = [tmp_path / f"trove.log{end}" for end in (".3", ".2", ".1", "")]
    assert [line for file in files for line in file.read_text().splitlines()] == said
    assert [file.stat().st_size for file in files] == [100, 100, 100, 50]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_the_oldest_goes(tmp_path: Path, say: Callable[[str], None]) -> None:
    for number in range(1000):
        say(f"{number:>9}")
    kept = sorted(tmp_path.iterdir())
    assert [file.name for file in kept] == ["trove.log", "trove.log.1", "trove.log.2", "trove.log.3"]
    assert sum(file.stat().st_size for file in kept) <= 400
    assert kept[1].read_text().splitlines()[-1].strip() == "999"


def test_a_terminal_or_another_file_is_left_alone(tmp_path: Path, say: Callable[[str], None]) -> None:
    (tmp_path / "trove.log").rename(tmp_path / "elsewhere")
    (tmp_path / "trove.log").touch()
    for _ in range(100):
        say("a line")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["elsewhere", "trove.log"]
    assert (tmp_path / "elsewhere").stat().st_size == 700
