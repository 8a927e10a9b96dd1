"""Preparing, restarting, stopping and starting a server: whole or not at all, and as somebody wanted it."""

import time
from pathlib import Path

import pytest

from common.contract import types as t
from common.crypto import random_id
from common.errors import HostFailed
from tests.troveguest.disk_engine import DiskEngine
from troveguest.conformance.ordering import agent
from troveguest.host.fake import FakeHost
from troveguest.journal import Wanted

ORDER = t.Prepare(
    memory_mb=512, databases=(t.Database(name="d1"), t.Database(name="d2")),
    users=(t.NewUser(name="u1", password=t.Secret("p")), t.NewUser(name="u2", password=t.Secret("p"))))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
def engine(tmp_path: Path) -> DiskEngine:
    (tmp_path / "server").mkdir()
    return DiskEngine(tmp_path / "server")


def _sentence(ticket: t.Ticket) -> str:
    assert ticket.failure is not None
    return f"{ticket.failure.code}: {ticket.failure.message} {ticket.failure.hint}"


def test_a_preparation_makes_all_that_was_asked_for(state: Path, engine: DiskEngine) -> None:
    with agent(state, engine) as made:
        assert made.order("prepare", order=ORDER).state is t.OperationState.DONE
        assert made.journal.wanted == Wanted(prepared_by="op-1", up=True)
        assert made.told[0] == "The data directory is being made."
    assert engine.made("database") == ["d1", "d2"] and engine.made("user") == ["u1", "u2"]


def test_a_preparation_fails_as_a_whole_and_names_all_that_is_missing(state: Path, engine: DiskEngine) -> None:
    engine.unmakable = frozenset(("d2", "u1"))
    with agent(state, engine) as made:
        sentence = _sentence(made.order("prepare", order=ORDER))
        assert sentence.startswith("engine_failed: ")
        assert "database 'd2' (The server does not want d2.)" in sentence and "user 'u1' at '%'" in sentence
        assert "d1" not in sentence and "u2" not in sentence and sentence.endswith("Choose another name.")
        assert not made.journal.wanted.prepared and not made.journal.wanted.up
        assert "'d2'" in made.journal.wanted.fault
    assert not (engine.directory / "running").exists()


def test_root_that_the_engine_does_not_have_is_a_failure(state: Path, engine: DiskEngine) -> None:
    with agent(state, engine) as made:
        ticket = made.order("prepare", order=t.Prepare(memory_mb=512, root_password=t.Secret("p")))
    assert _sentence(ticket).startswith("unsupported: ") and "root" in _sentence(ticket)


def test_a_preparation_may_be_tried_again_after_it_failed_and_not_after_it_was_done(
        state: Path, engine: DiskEngine) -> None:
    engine.unmakable = frozenset(("d2",))
    with agent(state, engine) as made:
        made.order("prepare", "first", order=ORDER)
        engine.unmakable = frozenset()
        assert made.order("prepare", "second", order=ORDER).state is t.OperationState.DONE
        assert made.journal.wanted.fault == ""
        assert _sentence(made.order("prepare", "third", order=ORDER)).startswith("conflict: ")
        assert made.journal.wanted == Wanted(prepared_by="second", up=True)


@pytest.mark.parametrize("name", ["restart", "stop_db", "start_db"])
def test_without_a_prepared_server_there_is_nothing_to_do(state: Path, engine: DiskEngine, name: str) -> None:
    with agent(state, engine) as made:
        assert "Prepare it first." in _sentence(made.order(name))


def test_what_was_wanted_last_is_remembered(state: Path, engine: DiskEngine) -> None:
    running = engine.directory / "running"
    with agent(state, engine) as made:
        made.order("prepare", order=ORDER)
        for name, up in (("stop_db", False), ("start_db", True), ("stop_db", False), ("restart", True)):
            assert made.order(name, random_id()).state is t.OperationState.DONE
            assert (running.exists(), made.journal.wanted.up) == (up, up)


def test_a_server_that_cannot_be_started_stays_wanted(state: Path, engine: DiskEngine) -> None:
    def refuse(timeout: float) -> None:
        raise HostFailed("The supervisor does not listen.")

    with agent(state, engine) as made:
        made.order("prepare", order=ORDER)
        made.order("stop_db", "stop")
        engine.start = refuse  # type: ignore[method-assign]
        assert "does not listen" in _sentence(made.order("start_db", "start"))
        assert made.journal.wanted.up


@pytest.mark.parametrize(("server_age", "stops"), [(100.0, 1), (-100.0, 0)])
def test_a_restart_that_is_taken_up_again_does_not_restart_twice(
        state: Path, engine: DiskEngine, server_age: float, stops: int) -> None:
    """A server that is younger than the order is the one that an earlier life of the agent started for it."""
    stopped: list[float] = []
    host = FakeHost(clock=lambda: time.time() - server_age)
    host.set_command(["server"])
    host.start_database()
    with agent(state, engine, host) as made:
        made.order("prepare", "first", order=ORDER)
        engine.stop = stopped.append  # type: ignore[method-assign]
        assert made.order("restart").state is t.OperationState.DONE
    assert len(stopped) == stops
