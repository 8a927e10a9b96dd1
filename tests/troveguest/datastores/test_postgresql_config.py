"""The server's configuration, and who may come in."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from troveguest.datastores.base import EngineContext
from troveguest.datastores.postgresql import config
from troveguest.host.fake import FakeHost

GIB = 2**30


@pytest.fixture
def context() -> EngineContext:
    home = Path("/home of/one")
    return EngineContext(
        host=FakeHost(), version="15", address="127.64.0.7", port=5432, memory_mb=512, data_dir=home / "data",
        config_dir=home / "engine", run_dir=home / "run", database_log=home / "log", binaries="", admin="agent")


@pytest.mark.parametrize(("memory_mb", "cache", "session", "connections"), [
    (64, "16MB", "1024kB", "25"), (512, "128MB", "2570kB", "51"), (8192, "2048MB", "2560kB", "819"),
    (262144, "65536MB", "67108kB", "1000"),
])
def test_sizes(memory_mb: int, cache: str, session: str, connections: str) -> None:
    found = config.sized(memory_mb, 1000 * GIB)
    assert (found["shared_buffers"], found["work_mem"], found["max_connections"]) == (cache, session, connections)


@given(st.integers(128, 10**6))
def test_caches_and_sessions_leave_room_for_the_rest(memory_mb: int) -> None:
    found = config.sized(memory_mb, 1000 * GIB)
    sessions = int(found["work_mem"].removesuffix("kB")) * int(found["max_connections"]) / 1024
    assert int(found["shared_buffers"].removesuffix("MB")) + sessions + 45 < memory_mb


def test_the_log_is_a_small_part_of_the_volume() -> None:
    found = config.sized(8192, GIB)
    assert (found["max_wal_size"], found["min_wal_size"]) == ("102MB", "32MB")


def test_the_tenants_settings_come_last_and_ours_are_none_of_the_file(context: EngineContext) -> None:
    text = config.text(context, GIB, {"log_statement": "none"})
    assert text.endswith("include '/home of/one/engine/overrides.conf'\nlog_statement = 'none'\n")
    assert not [name for name in config.own(context) if f"\n{name} =" in text]
    assert config.own(context)["listen_addresses"] == "127.64.0.7"


def test_the_agent_comes_in_by_the_systems_word_and_everybody_else_by_a_password() -> None:
    rules = [line.split() for line in config.HBA.splitlines() if not line.startswith("#")]
    assert rules == [["local", "all", "postgres", "peer", "map=agent"], ["host", "all", "postgres", "all", "reject"],
                     ["host", "all", "all", "all", "scram-sha-256"]]
    assert config.ident_text("tra-1").endswith('agent "tra-1" postgres\n')


def test_a_socket_that_the_system_cannot_have_is_refused(context: EngineContext) -> None:
    with pytest.raises(Invalid, match="107 bytes"):
        config.Layout(replace(context, run_dir=Path("/" + "x" * 100)))


def test_overrides_are_quoted() -> None:
    text = config.overrides_text({"search_path": "it's # y", "my.thing": "a\\b"})
    assert text == "search_path = 'it''s # y'\nmy.thing = 'a\\\\b'\n"


@pytest.mark.parametrize(("name", "value"), [
    ("", "1"), ("a b", "1"), ("include", "/etc/passwd"), ("Include_dir", "/etc"), ("a", "1\n"), ("a\n", "1"),
    ("a=b", "1"), ("#a", "1"), ("1a", "1"),
])
def test_overrides_that_could_be_something_else_are_refused(name: str, value: str) -> None:
    with pytest.raises(Invalid):
        config.overrides_text({name: value})
