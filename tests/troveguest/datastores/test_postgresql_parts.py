"""The small parts of the PostgreSQL engine: the wire, quoting, passwords, errors, programs."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contract.types import Prepare, ServiceStatus
from common.errors import EngineFailed, HostFailed, Invalid
from common.secret import Secret
from troveguest.datastores.base import EngineContext
from troveguest.datastores.postgresql import failures, make, names, programs, scram, wire
from troveguest.datastores.server import Answer
from troveguest.host.base import Finished
from troveguest.host.fake import FakeHost, Job


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


OK = message(b"R", b"\0\0\0\0")
READY = message(b"Z", b"I")
SCRAM = message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0")
STARTING = message(b"E", b"SFATAL\0C57P03\0Mthe database system is starting up\0\0")
FULL = message(b"E", b"SFATAL\0C53300\0Msorry, too many clients already\0\0")


@contextmanager
def stranger(path: Path, *said: bytes) -> Iterator[Path]:
    """Somebody at a socket who says the same to everybody, a word a moment, and no more."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            with suppress(OSError):  # shut down below
                while True:
                    client, _ = server.accept()
                    with client, suppress(OSError):
                        for word in said:
                            client.sendall(word)
                            if len(said) > 1:
                                time.sleep(0.05)
                        client.shutdown(socket.SHUT_WR)
                        while client.recv(4096):
                            pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(("said", "answer"), [
    (OK + READY, Answer.READY), (SCRAM, Answer.READY), (STARTING, Answer.SILENT), (FULL, Answer.REFUSED),
    (b"", Answer.SILENT), (b"HTTP/1.1 400 Bad Request\r\n\r\n", Answer.SILENT), (b"\xff" * 64, Answer.SILENT),
    (b"E\x7f\xff\xff\xff", Answer.SILENT), (b"\0" * 64, Answer.SILENT),
])
def test_what_a_server_says_first(tmp_path: Path, said: bytes, answer: Answer) -> None:
    with stranger(tmp_path / "s", said) as path:
        assert wire.ask(path, "postgres", 2) is answer


def test_knocking_at_nothing(tmp_path: Path) -> None:
    assert wire.ask(tmp_path / "nothing", "postgres", 5) is Answer.SILENT


def connected(path: Path, timeout: float = 2) -> wire.Connection:
    return wire.Connection(path, {"user": "postgres"}, timeout)


def row(*fields: bytes | None) -> bytes:
    body = b"".join(b"\xff\xff\xff\xff" if field is None else struct.pack("!i", len(field)) + field for field in fields)
    return message(b"D", struct.pack("!h", len(fields)) + body)


def test_rows_are_texts_and_nulls_between_what_is_of_no_interest(tmp_path: Path) -> None:
    notice, setting = message(b"N", b"SNOTICE\0\0"), message(b"S", b"TimeZone\0UTC\0")
    said = OK + setting + READY + message(b"1", b"") + row("é".encode(), None, b"") + notice + row(b"x") + READY
    with stranger(tmp_path / "s", said) as path, closing(connected(path)) as connection:
        assert connection.rows("SELECT") == [("é", None, ""), ("x",)]


def test_an_error_is_raised_when_the_server_is_ready_again(tmp_path: Path) -> None:
    error = message(b"E", b"SERROR\0C42P04\0Mit is there\0\0")
    with stranger(tmp_path / "s", OK + READY + row(b"1") + error + READY) as path:
        with pytest.raises(wire.ServerError, match="it is there") as caught, closing(connected(path)) as connection:
            connection.rows("SELECT")
        assert caught.value.code == "42P04"


def test_a_server_that_asks_for_a_password_gets_none(tmp_path: Path) -> None:
    with stranger(tmp_path / "s", SCRAM) as path, pytest.raises(wire.ServerError) as caught:
        connected(path)
    assert failures.translate_login(caught.value.code, "") .message == failures.refused().message


@pytest.mark.parametrize("said", [
    OK, OK + b"Z", OK + b"D\0\0\0\1", OK + message(b"D", b"\0\5")[:-1], b"R\0\0\0\3", b"R\x70\0\0\0" + b"\0" * 99,
])
def test_what_breaks_off_or_cannot_be_is_lost(tmp_path: Path, said: bytes) -> None:
    with stranger(tmp_path / "s", said) as path, pytest.raises(wire.Lost):
        connected(path)


@pytest.mark.parametrize("body", [b"", b"\0", b"\0\2\0\0\0\1x", b"\0\1\0\0"])
def test_a_row_that_is_none_is_lost(tmp_path: Path, body: bytes) -> None:
    said = OK + READY + message(b"D", body) + READY
    with (stranger(tmp_path / "s", said) as path, closing(connected(path)) as connection,
          pytest.raises(wire.Lost)):
        connection.rows("SELECT")


def test_an_answer_that_only_drips_ends(tmp_path: Path) -> None:
    """Each word comes in time, their end does not."""
    with stranger(tmp_path / "s", *[message(b"N", b"")] * 100) as path:
        begin = time.monotonic()
        with pytest.raises(wire.Late):
            connected(path, 0.3)
        assert time.monotonic() - begin < 2


@pytest.mark.parametrize("said", [b"\0" * 64, b"\xff" * 64, OK, SCRAM, b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_health_is_told_whatever_answers(tmp_path: Path, said: bytes) -> None:
    host = FakeHost()
    engine = make(EngineContext(
        host=host, version="15", address="127.0.0.1", port=5432, memory_mb=256, data_dir=tmp_path,
        config_dir=tmp_path, run_dir=tmp_path, database_log=tmp_path / "log", binaries="", admin="agent"))
    host.set_command(["server"])
    host.start_database()
    with stranger(tmp_path / ".s.PGSQL.5432", said):
        assert engine.health().status in (ServiceStatus.BLOCKED, ServiceStatus.RUNNING)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_names_and_values_end_where_they_end(text: str) -> None:
    for quoted, mark in ((names.Identifier(text).sql(), '"'), (names.literal(text), "'")):
        assert quoted[0] == quoted[-1] == mark
        assert mark not in quoted[1:-1].replace(mark * 2, "")
        assert quoted[1:-1].replace(mark * 2, mark) == text


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_cannot_be_sent_is_no_part_of_a_statement(text: str) -> None:
    for quote in (names.literal, lambda text: names.Identifier(text).sql()):
        with pytest.raises(Invalid):
            quote(text)


def test_a_verifier_is_as_rfc_7677_computes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its example: user ``user``, password ``pencil``; the signatures there follow from these keys."""
    import base64
    import hashlib
    import hmac

    monkeypatch.setattr("os.urandom", lambda size: base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    kind, salt, keys = scram.verifier(Secret("pencil")).split("$")
    assert (kind, salt) == ("SCRAM-SHA-256", "4096:W22ZaJ0SNY7soEsUEjb6gQ==")
    server = base64.b64decode(keys.split(":")[1])
    said = ("n=user,r=rOprNGfwEbeRWgbNEkqO,"
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    signature = hmac.digest(server, said.encode(), hashlib.sha256)
    assert base64.b64encode(signature).decode() == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize(("password", "prepared"), [
    ("plain", "plain"), ("I\u00adX", "IX"), ("\u00aa", "a"), ("\u2168", "IX"), ("a\u00a0b", "a b"),
    ("\u0627\u0031", "\u0627\u0031"), ("é\x07", "é\x07"), ("\u00ad", "\u00ad"), ("\U0001f511", "\U0001f511"),
])
def test_passwords_are_prepared_as_rfc_4013_says_or_left(password: str, prepared: str) -> None:
    assert scram.prepared(password) == prepared


@pytest.mark.parametrize(("code", "text", "ours"), [
    ("42P04", "", "exists"), ("3D000", "", "not_found"), ("55P03", "", "busy"), ("53100", "", "no_space"),
    ("XX000", "could not extend file: No space left on device", "no_space"), ("57P03", "", "not_ready"),
    ("53300", "", "not_ready"), ("57014", "", "deadline"), ("XX000", "x", "engine_failed"),
    ("42501", "", "engine_failed"),
])
def test_errors_by_their_state(code: str, text: str, ours: str) -> None:
    assert failures.translate(code, text).code == ours


@pytest.mark.parametrize("code", ["28000", "28P01", "42501", "3D000", "55000"])
def test_a_login_that_is_refused_was_taken_away(code: str) -> None:
    assert "restart the instance" in failures.translate_login(code, "").hint.lower()


def test_an_error_is_no_longer_than_a_person_reads() -> None:
    assert len(failures.translate("42601", "x" * 10_000).message) < 500


@pytest.mark.parametrize("below", [".", "bin"])
def test_programs_are_in_their_directory_or_its_bin(tmp_path: Path, below: str) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / below).mkdir(exist_ok=True)
        (tmp_path / below / name).touch(0o755)
    assert programs.find(str(tmp_path), "15").server == tmp_path / below / "postgres"


def test_missing_programs_say_what_to_install() -> None:
    with pytest.raises(HostFailed, match="/usr/lib/postgresql/99/bin") as caught:
        programs.find("", "99")
    assert "postgresql-99" in caught.value.hint


@pytest.mark.parametrize(("deaths", "works"), [(0, True), (1, True), (2, False)])
def test_a_killed_initialisation_begins_anew_once(tmp_path: Path, deaths: int, works: bool) -> None:
    for program in ("postgres", "initdb"):
        (tmp_path / program).touch(0o755)

    def job(_: Job) -> Finished:
        if len(host.jobs) <= deaths:
            return Finished(-9, "")
        (tmp_path / "data" / "server").mkdir(parents=True)
        return Finished(0, "")

    host = FakeHost(on_job=job)
    engine = make(EngineContext(
        host=host, version="15", address="127.0.0.1", port=5432, memory_mb=512, data_dir=tmp_path / "data",
        config_dir=tmp_path, run_dir=tmp_path, database_log=tmp_path / "log", binaries=str(tmp_path), admin="agent"))
    with nullcontext() if works else pytest.raises(EngineFailed):
        engine.initialise(Prepare(memory_mb=512))
    assert len(host.jobs) == min(deaths, 1) + 1
