"""One life of an agent's journal and operations, as a process of its own that may be killed.

It takes the order ``op-1`` (a preparation) as if it came from the bus, carries it out and hands over its result; what
the control plane would see is appended to DIRECTORY/told.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from common.contract import types as t
from common.contract.declare import methods
from common.contract.guest import Guest
from common.openstack.context import RequestContext
from tests.troveguest.disk_engine import DiskEngine
from troveguest.bus.server import Request
from troveguest.handlers.lifecycle import Lifecycle
from troveguest.host.fake import FakeHost
from troveguest.journal import Journal
from troveguest.operations import Operations

ORDER = t.Prepare(memory_mb=512, databases=(t.Database(name="d1"), t.Database(name="d2")),
                  users=(t.NewUser(name="u1", password=t.Secret("a secret word")),))


def run(directory: Path, mode: str = "none", number: int = 0) -> int | None:
    """The exit code of a process that lives one life. ``mode`` is ``none``, or what kills it with SIGKILL:

    ``fsync``  when it would flush for the ``number``-th time
    ``torn``   when the ``number``-th line of the journal is half written
    """
    life = multiprocessing.get_context("fork").Process(target=_main, args=(directory, mode, number))
    life.start()
    life.join(60)
    return life.exitcode


def _main(directory: Path, mode: str, number: int) -> None:
    die = Death(number)
    if mode == "fsync":
        os.fsync = die.instead_of(os.fsync)
    elif mode == "torn":
        os.write = die.after_half(os.write)
    _live(directory)


class Death:
    def __init__(self, number: int) -> None:
        self.left = number

    def instead_of(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def fsync(descriptor: int) -> None:
            self.count()
            real(descriptor)

        return fsync

    def after_half(self, real: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
        def write(descriptor: int, data: bytes) -> int:
            if self.left == 1:
                real(descriptor, data[:len(data) // 2])
            self.count()
            return real(descriptor, data)

        return write

    def count(self) -> None:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)


def _live(directory: Path) -> None:
    unmakable = frozenset((directory / "unmakable").read_text().split())
    engine = DiskEngine(directory / "server", unmakable)
    journal = Journal(directory / "state")
    quiet = threading.Event()
    operations = Operations(journal, methods(Guest), Lifecycle(engine, FakeHost(), journal).handlers(),
                            lambda job, percent: None, lambda: quiet.set() if not journal.unfinished() else None)
    method = methods(Guest)["prepare"]
    operations.start()
    operations.accept(Request(method=method, arguments={"order": ORDER}, context=RequestContext(request_id="req-1"),
                              operation_id="op-1", timeout=60.0))
    if journal.unfinished():
        assert quiet.wait(30)
    for ticket in journal.undelivered():
        with (directory / "told").open("a") as told:
            told.write(f"{ticket.operation_id} {ticket.state.value} {ticket.failure and ticket.failure.message}\n")
        journal.mark_delivered(ticket.operation_id)
    assert operations.stop(10)
    journal.close()
