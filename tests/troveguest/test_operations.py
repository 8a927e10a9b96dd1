"""Operations run one after the other, are answered by their ids, and never take the agent along."""

import threading
import time
from pathlib import Path

import pytest

from common.contract import types as t
from common.errors import Busy, Invalid
from tests.troveguest.disk_engine import DiskEngine
from troveguest.conformance.ordering import agent, request
from troveguest.operations import Job


class Gate:
    """Handlers that wait until they are let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.let_go = threading.Semaphore(0)
        self.ran: list[str] = []

    def __call__(self, job: Job) -> None:
        self.ran.append(job.operation_id)
        job.tell("Waiting.")
        self.entered.release()
        assert self.let_go.acquire(timeout=20)


def test_asked_again_it_answers_and_does_nothing_twice(tmp_path: Path) -> None:
    gate = Gate()
    with agent(tmp_path, DiskEngine(tmp_path), handlers={"restart": gate}) as made:
        first = made.operations.accept(request("restart"))
        assert gate.entered.acquire(timeout=20)
        second = made.operations.accept(request("restart"))
        gate.let_go.release()
        made.ended("op-1")
        third = made.operations.accept(request("restart"))
    assert [ticket.state.value for ticket in (first, second, third)] == ["running", "running", "done"]
    assert gate.ran == ["op-1"]


def test_an_id_belongs_to_one_method(tmp_path: Path) -> None:
    gate = Gate()
    gate.let_go.release()
    with agent(tmp_path, DiskEngine(tmp_path), handlers={"restart": gate}) as made:
        made.order("restart")
        with pytest.raises(Invalid, match="not a stop_db"):
            made.operations.accept(request("stop_db"))


def test_one_after_the_other_in_the_order_of_asking(tmp_path: Path) -> None:
    gate = Gate()
    with agent(tmp_path, DiskEngine(tmp_path), handlers={"restart": gate}) as made:
        for name in ("a", "b", "c"):
            made.operations.accept(request("restart", name))
        for _ in range(3):
            assert gate.entered.acquire(timeout=20)
            assert not gate.entered.acquire(blocking=False)
            gate.let_go.release()
        made.ended("c")
    assert gate.ran == ["a", "b", "c"]


def test_calls_are_told_to_wait_and_the_loop_keeps_away_while_one_is_under_way(tmp_path: Path) -> None:
    gate = Gate()
    with agent(tmp_path, DiskEngine(tmp_path), handlers={"restart": gate}) as made:
        made.operations.require_idle()
        made.operations.accept(request("restart"))
        assert gate.entered.acquire(timeout=20)
        with pytest.raises(Busy, match="restart"):
            made.operations.require_idle()
        assert made.operations.attempt("revival", lambda job: None, 60) is False
        assert made.operations.current is not None and made.operations.current.sentence == "Waiting."
        gate.let_go.release()
        made.ended("op-1")
        done = threading.Event()
        with made.changed:
            assert made.changed.wait_for(lambda: made.operations.attempt("revival", lambda job: done.set(), 60), 20)
        assert done.wait(20)


def test_a_defect_fails_the_operation_and_not_the_agent(tmp_path: Path) -> None:
    def broken(job: Job) -> None:
        raise ZeroDivisionError("a secret in a trace")

    with agent(tmp_path, DiskEngine(tmp_path), handlers={"restart": broken}) as made:
        ticket = made.order("restart")
        assert made.order("restart", "op-2").state is t.OperationState.FAILED
    assert ticket.failure is not None and ticket.failure.code == "internal"
    assert "secret" not in ticket.failure.message and "req-1" in ticket.failure.hint


def test_an_operation_whose_time_is_over_says_where_it_was(tmp_path: Path) -> None:
    def late(job: Job) -> None:
        job.tell("Counting to a million.")
        job.deadline = time.time() - 1
        job.remaining()

    with agent(tmp_path, DiskEngine(tmp_path), handlers={"restart": late}) as made:
        ticket = made.order("restart")
    assert ticket.failure is not None and ticket.failure.code == "deadline"
    assert "Counting to a million" in ticket.failure.message


def test_stopping_does_not_wait_for_ever_and_the_next_life_takes_over(tmp_path: Path) -> None:
    gate = Gate()
    with agent(tmp_path, DiskEngine(tmp_path), handlers={"restart": gate}) as made:
        made.operations.accept(request("restart"))
        assert gate.entered.acquire(timeout=20)
        assert made.operations.stop(0.05) is False
        assert [order.operation_id for order in made.journal.unfinished()] == ["op-1"]
        gate.let_go.release()
