"""The server's configuration file."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from troveguest.datastores.base import EngineContext
from troveguest.datastores.mariadb import DIALECT, sized
from troveguest.datastores.mysqlfamily import config
from troveguest.host.fake import FakeHost

GIB = 2**30


@pytest.fixture
def context() -> EngineContext:
    home = Path("/home of/one")
    return EngineContext(
        host=FakeHost(), version="10.11", address="127.64.0.7", port=3306, memory_mb=512, data_dir=home / "data",
        config_dir=home / "engine", run_dir=home / "run", database_log=home / "log", binaries="", admin="agent")


def megabytes(text: str) -> int:
    assert text.endswith("M")
    return int(text[:-1])


@pytest.mark.parametrize(("memory_mb", "pool", "log", "connections"), [
    (64, 16, 8, 32), (256, 93, 23, 51), (512, 247, 61, 102), (1024, 554, 138, 204), (8192, 4855, 1024, 1638),
    (262144, 157226, 1024, 4000),
])
def test_sizes(memory_mb: int, pool: int, log: int, connections: int) -> None:
    found = sized(memory_mb, 1000 * GIB)
    assert megabytes(found["innodb-buffer-pool-size"]) == pool
    assert megabytes(found["innodb-log-file-size"]) == log
    assert found["max-connections"] == str(connections)


@given(st.integers(128, 10**6))
def test_caches_leave_room_for_the_rest(memory_mb: int) -> None:
    found = sized(memory_mb, 1000 * GIB)
    shared = sum(megabytes(found[name]) for name in (
        "innodb-buffer-pool-size", "innodb-log-buffer-size", "aria-pagecache-buffer-size", "key-buffer-size"))
    assert shared + 52 < memory_mb


def test_the_log_is_a_small_part_of_the_volume() -> None:
    assert megabytes(sized(8192, GIB)["innodb-log-file-size"]) == 51


def test_what_is_ours_comes_last(context: EngineContext) -> None:
    text = config.text(DIALECT, context, GIB, {"general_log": "OFF"}, repair=False)
    defaults, own = text.split('!include /home of/one/engine/overrides.cnf\n')
    assert 'innodb-flush-log-at-trx-commit = "1"' in defaults
    for line in ('port = "3306"', 'bind-address = "127.64.0.7"', 'datadir = "/home of/one/data/server"',
                 'socket = "/home of/one/run/mariadb.sock"', 'skip-log-error = "1"'):
        assert line in own
        assert line not in defaults


def test_a_socket_that_the_system_cannot_have_is_refused(context: EngineContext) -> None:
    with pytest.raises(Invalid, match="107 bytes"):
        config.Layout(DIALECT, replace(context, run_dir=Path("/" + "x" * 100)))


def test_overrides_are_quoted() -> None:
    text = config.overrides_text({"init_connect": "SET NAMES 'x' # y", "plugin-dir": "a\\b"})
    assert text == '[mysqld]\ninit_connect = "SET NAMES \'x\' # y"\nplugin-dir = "a\\\\b"\n'


@pytest.mark.parametrize(("name", "value"), [
    ("", "1"), ("a b", "1"), ("[x", "1"), ("!include", "/etc/passwd"), ("a", "1\n"), ("a", 'b"'), ("a\n", "1"),
    ("a=b", "1"),
])
def test_overrides_that_could_be_something_else_are_refused(name: str, value: str) -> None:
    with pytest.raises(Invalid):
        config.overrides_text({name: value})
