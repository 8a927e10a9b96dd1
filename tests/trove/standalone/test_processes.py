"""Processes found by their command line, and told apart from later ones under the same id."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from trove.standalone import processes

SLEEP = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.fixture
def word() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def child(word: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", SLEEP, "-mark", word, "last"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"up\n"
        yield started
        started.kill()


def test_words_in_a_row_find_it(child: subprocess.Popen[bytes], word: str) -> None:
    assert [found.pid for found in processes.with_arguments(("-mark", word), os.geteuid())] == [child.pid]


@pytest.mark.parametrize("words", [("-mark",), ("{word}", "-mark"), ("-mark", "{word}x"), ("mark", "{word}")])
def test_other_words_do_not(words: tuple[str, ...], child: subprocess.Popen[bytes], word: str) -> None:
    filled = tuple(text.format(word=word) for text in words)
    found = {one.pid for one in processes.with_arguments(filled, os.geteuid())}
    assert (child.pid in found) is (words == ("-mark",))


def test_another_user_s_words_do_not_count(child: subprocess.Popen[bytes], word: str) -> None:
    assert processes.with_arguments(("-mark", word), os.geteuid() + 1) == []


def test_a_zombie_is_dead(child: subprocess.Popen[bytes]) -> None:
    process = processes.of(child.pid)
    assert process is not None
    assert process.alive()
    assert not process.wait(0)
    process.end(patience=10)
    assert process.wait(0)
    assert not process.alive()
    assert processes.of(child.pid) is None


def test_another_process_under_the_same_id_is_not_touched(child: subprocess.Popen[bytes]) -> None:
    process = processes.of(child.pid)
    assert process is not None
    former = processes.Process(process.pid, process.started - 1)
    assert not former.alive()
    former.end(patience=0)
    assert process.alive()


def test_what_ignores_the_request_is_ended() -> None:
    script = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        process = processes.of(stubborn.pid)
        assert process is not None
        process.end(patience=0.2)
        assert stubborn.wait(10) == -9


def test_descendants_are_children_and_theirs(child: subprocess.Popen[bytes]) -> None:
    mine = processes.of(os.getpid())
    assert mine is not None
    assert child.pid in {one.pid for one in processes.descendants(mine)}
