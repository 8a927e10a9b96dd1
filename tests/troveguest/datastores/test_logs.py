"""Logs are read in bounded pieces, whatever is in them and whatever becomes of their files."""

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from troveguest.conformance import asking, fake
from troveguest.conformance.subject import Subject
from troveguest.datastores import logs

MIB = 2**20


@pytest.fixture
def subject() -> Iterator[Subject]:
    with fake.subject() as made:
        made.engine.initialise(asking.prepare())
        yield made


@pytest.fixture
def log(subject: Subject) -> Path:
    """Of the server itself; the supervisor rotates it as svlogd does."""
    subject.host.log.touch()
    return subject.host.log


def pieces(subject: Subject, after: str, limit: int = logs.CHUNK) -> Iterator[str]:
    more = True
    while more:
        chunk = subject.engine.read_log("error", after, limit)
        assert not chunk.lost
        after, more = chunk.after, chunk.more
        yield chunk.text


def test_nothing_is_lost_over_rotations_until_they_go_past(subject: Subject, log: Path) -> None:
    log.write_text("one\n")
    first = subject.engine.read_log("error", "", 100)
    assert (first.text, first.more) == ("one\n", False)
    log.write_text("one\ntwo\n")
    for name, text in (("@4000000000000001.s", "three\n"), ("@4000000000000002.s", "four\n")):
        log.rename(log.with_name(name))
        log.write_text(text)
    assert "".join(pieces(subject, first.after, 5)) == "two\nthree\nfour\n"
    assert "".join(pieces(subject, logs.START, 5)) == "one\ntwo\nthree\nfour\n"
    log.with_name("@4000000000000001.s").unlink()
    chunk = subject.engine.read_log("error", first.after, 100)
    assert (chunk.text, chunk.lost) == ("three\n", True)


def test_another_file_of_the_same_inode_is_not_taken_for_the_one_that_was_read(subject: Subject, log: Path) -> None:
    log.write_text("one\ntwo\n")
    after = subject.engine.read_log("error", "", 100).after
    log.write_text("six\nten\nand more\n")
    chunk = subject.engine.read_log("error", after, 100)
    assert (chunk.text, chunk.lost) == ("six\nten\nand more\n", True)


def test_the_last_whole_lines_come_first(subject: Subject, log: Path) -> None:
    log.write_text("".join(f"line {number}\n" for number in range(1000)))
    assert subject.engine.read_log("error", "", 20).text == "line 998\nline 999\n"
    log.rename(log.with_name("@4000000000000001.s"))
    log.write_text("new\n")
    assert "".join(pieces(subject, "", 20)) == "line 999\nnew\n"


@pytest.mark.parametrize("limit", [1, 5, 7, 100])
def test_characters_stay_whole_and_foreign_bytes_are_told(subject: Subject, log: Path, limit: int) -> None:
    log.write_bytes("ä€😀\n".encode() * 9 + b"\xff\xc3(\xf0\x9f\n" + "€".encode()[:2])
    text = "".join(pieces(subject, logs.START, limit))
    assert text == "ä€😀\n" * 9 + "\ufffd\ufffd(\ufffd\n", "and what is not whole yet waits"
    log.rename(log.with_name("@4000000000000001.s"))
    log.write_text("next\n")
    assert "".join(pieces(subject, logs.START, limit)).endswith("\ufffdnext\n")


def test_a_log_without_a_file_is_empty(subject: Subject) -> None:
    chunk = subject.engine.read_log("error", "", 100)
    assert (chunk.text, chunk.after) == ("", logs.START)
    subject.host.log.write_text("first\n")
    assert subject.engine.read_log("error", chunk.after, 100).text == "first\n"


def peak_of_reading(subject: Subject, characters: int) -> int:
    tracemalloc.start()
    try:
        assert sum(map(len, pieces(subject, logs.START))) == characters
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("line", [b"x" * 10 * MIB, b"\xff" * MIB], ids=["long", "foreign"])
def test_a_line_of_10_mb_takes_a_bounded_room(subject: Subject, log: Path, line: bytes) -> None:
    log.write_bytes(line)
    assert peak_of_reading(subject, len(line)) < MIB


@pytest.mark.long
def test_reading_200_mb_takes_a_bounded_room_again_and_again(subject: Subject, log: Path) -> None:
    log.write_bytes((b"x" * 99 + b"\n") * 20000)
    os.truncate(log, 200 * MIB)  # the rest is a hole: NUL bytes, and one line
    assert max(peak_of_reading(subject, 200 * MIB) for _ in range(3)) < MIB
