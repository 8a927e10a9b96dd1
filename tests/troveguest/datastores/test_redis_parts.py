"""The parts of the Redis engine without a server: the protocol's answers, the configuration's text, the programs."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from common.contract import types as t
from common.errors import DeadlinePassed, EngineFailed, HostFailed, Invalid, NoSpace, NotReady
from troveguest.datastores.base import EngineContext
from troveguest.datastores.redis import client, config, failures, make, programs, resp
from troveguest.datastores.server import Answer
from troveguest.host.fake import FakeHost

OK = b"+OK\r\n"


@contextmanager
def stranger(path: Path, said: bytes, hangs: bool = False) -> Iterator[Path]:
    """Somebody who listens at ``path``, says this to whoever comes, and then hangs up or waits for the other's end."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def answer() -> None:
            line, _ = server.accept()
            with line, suppress(BrokenPipeError, ConnectionResetError):  # who has heard enough goes
                line.sendall(said)
                if not hangs:
                    line.shutdown(socket.SHUT_WR)
                while line.recv(4096):
                    pass

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield path
        thread.join(5)


@pytest.mark.parametrize(("said", "answer"), [
    (b"+PONG\r\n", "PONG"), (b":-7\r\n", -7), (b"$-1\r\n", None), (b"*-1\r\n", None), (b"$0\r\n\r\n", ""),
    (b"$6\r\n\xc3\xa9\r\n\xff\x00\r\n", "é\r\n\ufffd\0"),
    (b"*3\r\n$1\r\na\r\n:1\r\n*1\r\n+b\r\n", ["a", 1, ["b"]]),
])
def test_answers(tmp_path: Path, said: bytes, answer: resp.Reply) -> None:
    with stranger(tmp_path / "s", said) as path, closing(resp.Connection(path, 5)) as connection:
        assert connection.ask("ANY") == answer


@pytest.mark.parametrize("said", [
    b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64, b"$5\r\nabc", b"*2\r\n+a\r\n", b"$x\r\n", b"$9\r\n",
    b"$99999999999\r\n", b"*1\r\n" * 20 + b"+x\r\n", b"+" + b"x" * 70000, b"+" + b"x" * (17 << 20) + b"\r\n",
])
def test_what_is_no_answer_is_lost_and_bounded(tmp_path: Path, said: bytes) -> None:
    with (stranger(tmp_path / "s", said) as path, pytest.raises(resp.Lost),
          closing(resp.Connection(path, 5)) as connection):
        connection.ask("ANY")


def test_nobody_is_waited_for_longer_than_was_said(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        begin = time.monotonic()
        with closing(resp.Connection(tmp_path / "s", 0.1)) as connection, pytest.raises(resp.Late):
            connection.ask("PING")
        assert time.monotonic() - begin < 2


@pytest.mark.parametrize(("said", "answer"), [
    (OK + b"+PONG\r\n", Answer.READY), (OK + b"-MISCONF Errors writing to the AOF file\r\n", Answer.READY),
    (OK + b"-LOADING Redis is loading the dataset in memory\r\n", Answer.SILENT),
    (b"-WRONGPASS invalid username-password pair\r\n", Answer.REFUSED), (OK + b"-BUSY a script\r\n", Answer.REFUSED),
    (b"-ERR max number of clients reached\r\n", Answer.REFUSED), (b"", Answer.SILENT),
    (OK + b"+HELLO\r\n", Answer.SILENT),
])
def test_what_a_server_says_when_the_agent_knocks(tmp_path: Path, said: bytes, answer: Answer) -> None:
    with stranger(tmp_path / "s", said) as path:
        assert client_of(path).knock(path, 5) is answer


def test_knocking_at_nothing(tmp_path: Path) -> None:
    assert client_of(tmp_path / "nothing").knock(tmp_path / "nothing", 5) is Answer.SILENT
    with pytest.raises(NotReady), client_of(tmp_path / "nothing").session():
        pass


def client_of(path: Path, free: int = 2**30) -> client.Client:
    key = client.Key(path.with_name("key"))
    return client.Client(path, key, lambda: t.FilesystemStats(total=2**30, used=0, free=free))


@pytest.mark.parametrize(("free", "said", "kind"), [
    (2**30, b"-MISCONF Errors writing to the AOF file: No space left on device", EngineFailed),
    (0, b"-MISCONF Errors writing to the AOF file: No space left on device", NoSpace),
    (0, b"-ERR There was an error trying to save the ACLs.", NoSpace),
    (0, b"-WRONGPASS no", EngineFailed), (2**30, b"-LOADING it is", NotReady),
    (2**30, b"-ERR max number of clients reached", NotReady),
])
def test_errors_as_ours(tmp_path: Path, free: int, said: bytes, kind: type[Exception]) -> None:
    with stranger(tmp_path / "s", OK + said + b"\r\n") as path, pytest.raises(kind), \
            client_of(path, free).session() as session:
        session.ask("PING")


def test_a_server_that_says_nothing_is_late(tmp_path: Path) -> None:
    with stranger(tmp_path / "s", OK, hangs=True) as path, pytest.raises(DeadlinePassed), \
            client_of(path).session(0.1) as session:
        session.ask("PING")


def test_the_password_is_drawn_once_and_nobody_elses(tmp_path: Path) -> None:
    key = client.Key(tmp_path / "key")
    assert key.keep() and not key.keep()
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert client.Key(tmp_path / "key").reveal() == key.reveal() and len(key.reveal()) == 36
    (tmp_path / "key").unlink()
    assert key.keep() and client.Key(tmp_path / "key").reveal() == key.reveal(), "a server that runs knows this one"


@pytest.fixture
def context(tmp_path: Path) -> EngineContext:
    return EngineContext(
        host=FakeHost(), version="7.0", address="127.0.0.1", port=6379, memory_mb=512, data_dir=tmp_path / "data",
        config_dir=tmp_path, run_dir=Path("/run/i"), database_log=tmp_path / "log", binaries="", admin="agent")


def test_what_is_ours_comes_last_and_the_tenants_before_it(context: EngineContext) -> None:
    text = config.text(context)
    include = text.index("include ")
    assert text.index("\nmaxmemory ") < include < text.index("\nport ")
    assert text.index('enable-module-command "no"') > include
    assert all(config.is_owned(name) for name in config.own(context))
    assert not any(map(config.is_owned, config.ours(512)))


@pytest.mark.parametrize(("memory", "megabytes", "clients"), [(64, 16, 256), (512, 224, 2048), (8192, 4064, 10000)])
def test_sizes_follow_the_memory(memory: int, megabytes: int, clients: int) -> None:
    sized = config.sized(memory)
    assert (sized["maxmemory"], sized["maxclients"]) == (str(megabytes << 20), str(clients))


@pytest.mark.parametrize("name", [
    "", "include", "loadmodule", "rename-command", "user", "A", "PORT", "a b", "hz\nport", "hz*", "port", "aclfile",
    "masterauth", "primaryauth", "tls-port", "unixsocketperm", "enable-debug-command", "slaveof", "dir",
])
def test_settings_that_are_no_tenants(context: EngineContext, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be set"):
        make(context).update_overrides({name: "1"}, (), False)


@pytest.mark.parametrize("value", ["1\nport 2", "\0"])
def test_overrides_that_could_be_read_as_something_else(value: str) -> None:
    with pytest.raises(Invalid):
        config.overrides_text({"hz": value})


def test_overrides_are_quoted() -> None:
    assert config.overrides_text({"save": "3600 1", "hz": 'a"b\\'}) == 'save "3600 1"\nhz "a\\"b\\\\"\n'


def test_programs_are_found_in_a_directory_below_it_or_by_themselves(tmp_path: Path) -> None:
    with pytest.raises(HostFailed, match="Neither redis-server nor valkey-server") as caught:
        programs.find(str(tmp_path))
    assert "redis-server" in caught.value.hint
    valkey = tmp_path / "usr" / "bin" / "valkey-server"
    valkey.parent.mkdir(parents=True)
    valkey.touch(mode=0o755)
    assert programs.find(str(tmp_path)) == programs.find(str(valkey.parent)) == programs.find(str(valkey)) == valkey


def test_the_sentence_of_an_agent_that_was_shut_out_says_what_to_do() -> None:
    assert "Restart the instance" in failures.refused().sentence()
