#!/usr/bin/python3 -IS
"""Runs the jobs that the agent orders, one after the other: ``runner.py HOME``. Standard library alone.

Runs as the engine's user below the supervisor, so that jobs outlive the agent. It reads ``orders/job.json``
``{"id", "argv", "timeout", "stdin"}`` and writes ``jobs/state.json`` ``{"id", "pid", "exit_code", "timed_out"}``, where
the exit code is null while the job runs. SIGCONT means that there may be a new order, SIGTERM ends it all.

It lingers for a moment after each job: runsv holds back a service that started less than a second ago, and short jobs
come in rows. ``runner.py HOME bury`` cleans up after a runner that was killed.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any

LINGER = 1.2
"""Seconds that the runner waits for another order."""
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL for a job that is over its time."""
NOT_STARTED = 127
"""Exit code of a job whose program could not be started (as a shell has it)."""

_SIGNALS = {signal.SIGCHLD, signal.SIGCONT, signal.SIGTERM}


class Terminated(Exception):
    """The supervisor wants the runner to end."""


class Runner:
    def __init__(self, home: str) -> None:
        self.news = f"{home}/news"
        self.orders = f"{home}/orders"
        self.jobs = f"{home}/jobs"

    def serve(self) -> None:
        """Takes orders until none came for a while."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        with suppress(Terminated):
            while (order := self._next()) is not None:
                self._run(order)

    def bury(self) -> None:
        """Ends what a killed runner left running, and says that the job was killed."""
        state = _read(f"{self.jobs}/state.json")
        if state is not None and state["exit_code"] is None:
            if state["pid"]:
                _kill_group(state["pid"], signal.SIGKILL)
            self._report(state["id"], state["pid"], -signal.SIGKILL)

    def _next(self) -> dict[str, Any] | None:
        deadline = time.monotonic() + LINGER
        while True:
            order, state = _read(f"{self.orders}/job.json"), _read(f"{self.jobs}/state.json")
            if order is not None and (state is None or state["id"] != order["id"]):
                return order
            if _await(deadline) is None:
                return None

    def _run(self, order: dict[str, Any]) -> None:
        self._report(order["id"], 0, None)
        try:
            pid = self._spawn(order)
        except OSError as error:
            _write(f"{self.jobs}/output", f"{order['argv'][0]}: {error.strerror}\n")
            self._report(order["id"], 0, NOT_STARTED)
            return
        self._report(order["id"], pid, None)
        timed_out = False
        try:
            timed_out = not _ended(pid, time.monotonic() + order["timeout"])
        finally:
            code = _end(pid)
            self._report(order["id"], pid, code, timed_out)

    def _spawn(self, order: dict[str, Any]) -> int:
        source = f"{self.orders}/job.stdin" if order["stdin"] else os.devnull
        output = f"{self.jobs}/output"
        return os.posix_spawnp(
            order["argv"][0], order["argv"], os.environ, setsid=True, setsigmask=(), setsigdef=_SIGNALS,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, source, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o640),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ])

    def _report(self, job: str, pid: int, exit_code: int | None, timed_out: bool = False) -> None:
        state = {"id": job, "pid": pid, "exit_code": exit_code, "timed_out": timed_out}
        _write(f"{self.jobs}/state.json", json.dumps(state))
        pipe = os.open(self.news, os.O_RDWR | os.O_NONBLOCK)
        with suppress(BlockingIOError):  # the pipe is full, so whoever listens has something to read
            os.write(pipe, b"\n")
        os.close(pipe)


def _ended(pid: int, deadline: float) -> bool:
    """Whether the child ended before ``deadline``; it stays a zombie, so that its group's id stays its own."""
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if _await(deadline) is None:
            return False
    return True


def _end(pid: int) -> int:
    """Ends the child and all of its group, if need be the hard way; its exit code, negative for a signal's number."""
    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        _kill_group(pid, signal.SIGTERM)
        with suppress(Terminated):
            _ended(pid, time.monotonic() + GRACE)
    _kill_group(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _await(deadline: float) -> int | None:
    """The next signal that matters, None when ``deadline`` passed. Raises Terminated."""
    found = signal.sigtimedwait(_SIGNALS, max(0.0, deadline - time.monotonic()))
    if found is not None and found.si_signo == signal.SIGTERM:
        raise Terminated
    return found.si_signo if found is not None else None


def _kill_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # all of it ended by itself
        os.killpg(pid, number)


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 (pathlib costs a start 5 ms)
            content: dict[str, Any] = json.load(file)
            return content
    except FileNotFoundError:
        return None


def _write(path: str, text: str) -> None:
    with open(f"{path}.new", "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
    os.replace(f"{path}.new", path)  # noqa: PTH105


def main(home: str, action: str = "serve") -> None:
    os.umask(0o027)
    getattr(Runner(home), {"serve": "serve", "bury": "bury"}[action])()


if __name__ == "__main__":
    main(*sys.argv[1:])
