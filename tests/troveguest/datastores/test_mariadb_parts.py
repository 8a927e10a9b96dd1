"""The small parts of the MariaDB engine: knocking, errors, last words, programs, turns on the connection."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from common.contract.types import FilesystemStats, Prepare, ServiceStatus
from common.errors import Busy, EngineFailed, HostFailed, NotReady
from common.secret import Secret
from troveguest.datastores.base import EngineContext
from troveguest.datastores.mariadb import DIALECT, make
from troveguest.datastores.mariadb.engine import password_hash
from troveguest.datastores.mysqlfamily import engine as family
from troveguest.datastores.mysqlfamily import failures, programs
from troveguest.datastores.mysqlfamily.sql import Sql
from troveguest.datastores.server import Answer
from troveguest.datastores.serverlog import ServerLog
from troveguest.host.base import Finished
from troveguest.host.fake import FakeHost, Job

GREETING = b"\x6e\x00\x00\x00\x0a10.11.19-MariaDB\x00"
HOST_BLOCKED = b"\x45\x00\x00\x00\xff\x69\x04Host is blocked"


@pytest.mark.parametrize(("head", "answer"), [
    (GREETING[:5], Answer.READY), (HOST_BLOCKED[:5], Answer.REFUSED), (b"", Answer.SILENT), (b"\x0a", Answer.SILENT),
    (b"HTTP/", Answer.SILENT), (b"\x6e\x00\x00\x00\x09", Answer.SILENT),
])
def test_what_a_server_says_first(head: bytes, answer: Answer) -> None:
    assert family.meaning(head) is answer


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        yield server


@pytest.mark.parametrize(("said", "answer"), [
    (GREETING, Answer.READY), (HOST_BLOCKED, Answer.REFUSED), (b"", Answer.SILENT),
])
def test_knocking_at_a_socket(listener: socket.socket, said: bytes, answer: Answer) -> None:
    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.sendall(said)

    server = threading.Thread(target=serve)
    server.start()
    assert family.greeting(Path(listener.getsockname()), 5) is answer
    server.join()


def test_knocking_at_nothing(tmp_path: Path) -> None:
    assert family.greeting(tmp_path / "nothing", 5) is Answer.SILENT


def test_knocking_at_a_server_that_says_nothing_ends(listener: socket.socket) -> None:
    begin = time.monotonic()
    assert family.greeting(Path(listener.getsockname()), 0.05) is Answer.SILENT
    assert time.monotonic() - begin < 2


def sql(path: Path) -> Sql:
    return Sql(DIALECT, path, "agent", lambda: FilesystemStats(total=2**30, used=0, free=2**30))


def test_a_check_of_a_server_that_says_nothing_ends(listener: socket.socket) -> None:
    begin = time.monotonic()
    with pytest.raises(NotReady):
        sql(Path(listener.getsockname())).check(0.1)
    assert time.monotonic() - begin < 2


def test_a_check_of_a_server_that_only_drips_ends(listener: socket.socket) -> None:
    """Each byte comes in time, their end does not."""
    over = threading.Event()

    def drip() -> None:
        client, _ = listener.accept()
        with client:
            while not over.wait(0.05):
                try:
                    client.sendall(b"\x01")
                except OSError:
                    return

    server = threading.Thread(target=drip)
    server.start()
    begin = time.monotonic()
    try:
        with pytest.raises(NotReady):
            sql(Path(listener.getsockname())).check(0.3)
        assert time.monotonic() - begin < 2
    finally:
        over.set()
        server.join()


@pytest.mark.parametrize("said", [
    b"\x00" * 64, b"\xff" * 64, b"\x05\x00\x00\x00\x0a\xfe\xfe\xfe\xfe", GREETING, b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\x03\x00\x00\x00\x0a\x00\x01",
])
def test_health_is_told_whatever_answers(tmp_path: Path, said: bytes) -> None:
    host = FakeHost()
    engine = make(EngineContext(
        host=host, version="10.11", address="127.0.0.1", port=3306, memory_mb=256, data_dir=tmp_path,
        config_dir=tmp_path, run_dir=tmp_path, database_log=tmp_path / "log", binaries="", admin="agent"))
    host.set_command(["server"])
    host.start_database()
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(tmp_path / "mariadb.sock"))
        stranger.listen()

        def serve() -> None:
            with suppress(OSError):  # shut down below
                while True:
                    client, _ = stranger.accept()
                    with client:
                        client.sendall(said)

        server = threading.Thread(target=serve)
        server.start()
        health = engine.health()
        stranger.shutdown(socket.SHUT_RDWR)
        server.join()
    assert health.status in (ServiceStatus.UNKNOWN, ServiceStatus.RUNNING, ServiceStatus.BLOCKED)
    assert health.sentence.endswith(".")


def test_an_order_that_waits_too_long_for_its_turn_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troveguest.datastores.mysqlfamily.sql.TURN_TIMEOUT", 0.01)
    one = sql(tmp_path / "nothing")
    with one._turn, pytest.raises(Busy), one.session():
        pass


def test_an_order_without_a_server_is_not_ready_and_leaves_the_turn_to_the_next(tmp_path: Path) -> None:
    one = sql(tmp_path / "nothing")
    for _ in range(2):
        with pytest.raises(NotReady), one.session():
            pass
    one.close()


@pytest.mark.parametrize(("number", "text", "code"), [
    (2002, "Can't connect", "not_ready"), (2013, "Lost connection", "not_ready"), (0, "", "not_ready"),
    (1040, "Too many connections", "not_ready"), (1045, "Access denied", "engine_failed"), (1698, "", "engine_failed"),
    (1007, "", "exists"), (1008, "", "not_found"), (1102, "", "invalid"), (1205, "", "busy"), (1021, "", "no_space"),
    (1114, "The table is full", "no_space"), (1006, 'Can\'t create database (errno: 28 "No space")', "no_space"),
    (3, 'Error writing file (Errcode: 28 "No space left on device")', "no_space"), (9999, "x", "engine_failed"),
    (1006, "(errno: 280)", "engine_failed"),
])  # fmt: skip
def test_errors(number: int, text: str, code: str) -> None:
    error = failures.translate(number, text)
    assert error.code == code
    assert error.sentence()


def test_an_error_is_no_longer_than_a_person_reads() -> None:
    assert len(failures.translate(1064, "x" * 10_000).message) < 500


@pytest.mark.parametrize(("free", "code"), [(0, "no_space"), (2**30, "deadline")])
def test_silence_on_a_full_volume_is_its_fullness(free: int, code: str) -> None:
    assert failures.timed_out(free).code == code


def test_last_words_are_those_since_the_mark(tmp_path: Path) -> None:
    path = tmp_path / "mariadb.log"
    log = ServerLog(path, r"\[ERROR\]")
    assert log.since_mark() == ""
    path.write_text("[ERROR] of before\n")
    log.mark()
    assert log.since_mark() == ""
    with path.open("a") as file:
        file.write("[Note] chatter\n" * 5000 + "[ERROR] why\n[Note] bye\n")
    assert log.last_words(log.since_mark()) == "It said last: [ERROR] why"
    assert len(log.since_mark()) <= 32 * 1024


def test_last_words_are_found_in_a_log_that_was_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "current"
    path.write_text("[ERROR] of before\n" * 100)
    log = ServerLog(path, r"\[ERROR\]")
    log.mark()
    path.write_text("[ERROR] why\n")
    assert log.last_words(log.last_errors()) == "It said last: [ERROR] why"


def test_last_words_that_come_a_moment_later_are_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "current"
    log = ServerLog(path, r"\[ERROR\]")
    writer = threading.Timer(0.1, path.write_text, ["[ERROR] why\n"])
    writer.start()
    assert log.last_words(log.last_errors()) == "It said last: [ERROR] why"
    writer.join()


@pytest.mark.parametrize(("said", "words"), [
    ("", ""), ("a\nb\n", "It said last: a | b"), ("\n".join("123456"), "It said last: 2 | 3 | 4 | 5 | 6"),
])
def test_last_words(tmp_path: Path, said: str, words: str) -> None:
    assert ServerLog(tmp_path, "x").last_words(said) == words


def test_last_words_are_bounded(tmp_path: Path) -> None:
    assert len(ServerLog(tmp_path, "x").last_words("x" * 100_000)) < 1100


@pytest.mark.parametrize(("server", "installer", "base"), [
    ("bin", "scripts", "."), ("usr/sbin", "usr/bin", "usr"), ("libexec", "bin", "."),
])
def test_programs_of_other_versions_are_below_their_prefix(
        tmp_path: Path, server: str, installer: str, base: str) -> None:
    for place, name in ((server, "mariadbd"), (installer, "mariadb-install-db")):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / name).touch(0o755)
    found = programs.find(DIALECT, str(tmp_path))
    assert (found.base, found.server) == (tmp_path / base, tmp_path / server / "mariadbd")
    assert found.maker == tmp_path / installer / "mariadb-install-db"


def test_missing_programs_say_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(HostFailed, match="mariadbd") as caught:
        programs.find(DIALECT, str(tmp_path))
    assert "mariadb-server-core" in caught.value.hint


def test_the_hash_is_the_servers() -> None:
    """Of MariaDB's own documentation of PASSWORD()."""
    assert password_hash(Secret("notagoodpwd")) == "*3A70EE9FC6594F88CE9E959CD51C5A1C002DC937"


@pytest.mark.parametrize(("deaths", "works"), [(0, True), (1, True), (2, False)])
def test_a_killed_initialisation_begins_anew_once(tmp_path: Path, deaths: int, works: bool) -> None:
    """Somebody's SIGKILL passes; what kills it every time, such as too little memory, does not."""
    for directory in ("usr/sbin", "usr/bin"):
        (tmp_path / directory).mkdir(parents=True)
    for program in ("usr/sbin/mariadbd", "usr/bin/mariadb-install-db"):
        (tmp_path / program).touch(0o755)

    def job(_: Job) -> Finished:
        if len(host.jobs) <= deaths:
            return Finished(-9, "")
        (tmp_path / "data" / "server").mkdir(parents=True)
        return Finished(0, "")

    host = FakeHost(on_job=job)
    engine = make(EngineContext(
        host=host, version="10.11", address="127.0.0.1", port=3306, memory_mb=512, data_dir=tmp_path / "data",
        config_dir=tmp_path, run_dir=tmp_path, database_log=tmp_path / "log", binaries=str(tmp_path), admin="agent"))
    with nullcontext() if works else pytest.raises(EngineFailed):
        engine.initialise(Prepare(memory_mb=512))
    assert len(host.jobs) == min(deaths, 1) + 1
