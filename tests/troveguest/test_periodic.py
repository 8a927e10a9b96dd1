"""Recurring work runs on time, at once when woken, and survives its own defects."""

import threading

from troveguest.periodic import Periodic


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_each_task_runs_at_start_and_then_at_its_interval() -> None:
    clock, ran = Clock(), []
    periodic = Periodic("test", clock)
    periodic.every(10, "slow", lambda: ran.append("slow"))
    periodic.every(4, "fast", lambda: ran.append("fast"))
    for _ in range(11):
        periodic.run_due()
        clock.time += 1
    assert ran == ["slow", "fast", "fast", "fast", "slow"]


def test_a_returned_number_is_the_next_pause() -> None:
    clock, ran = Clock(), []
    periodic = Periodic("test", clock)

    def work() -> float:
        ran.append(clock.time)
        return 2.0

    periodic.every(60, "hurried", work)
    for _ in range(5):
        periodic.run_due()
        clock.time += 1
    assert ran == [100.0, 102.0, 104.0]


def test_waking_makes_a_task_due_now_and_not_twice() -> None:
    clock, ran = Clock(), []
    periodic = Periodic("test", clock)
    task = periodic.every(60, "patient", lambda: ran.append(clock.time))
    periodic.run_due()
    clock.time += 1
    task.wake()
    task.wake()
    assert [periodic.run_due(), periodic.run_due()] == [1, 0]
    assert ran == [100.0, 101.0]


def test_a_task_that_is_woken_while_it_runs_runs_again() -> None:
    clock, ran = Clock(), []
    periodic = Periodic("test", clock)

    def work() -> float:
        ran.append(clock.time)
        if len(ran) == 1:
            task.wake()
        return 60.0

    task = periodic.every(60, "busy", work)
    assert [periodic.run_due(), periodic.run_due(), periodic.run_due()] == [1, 1, 0]


def test_a_defect_costs_one_turn() -> None:
    clock, ran = Clock(), []
    periodic = Periodic("test", clock)

    def work() -> None:
        ran.append(clock.time)
        raise RuntimeError("no")

    periodic.every(5, "broken", work)
    periodic.run_due()
    clock.time += 5
    periodic.run_due()
    assert ran == [100.0, 105.0]


def test_the_thread_sleeps_until_woken_and_ends_when_stopped() -> None:
    ran = threading.Semaphore(0)
    periodic = Periodic("test")
    task = periodic.every(3600, "rare", lambda: ran.release())
    periodic.start()
    assert ran.acquire(timeout=10)
    task.wake()
    assert ran.acquire(timeout=10)
    periodic.stop()
    assert "test" not in [thread.name for thread in threading.enumerate()]
    assert not ran.acquire(blocking=False)
