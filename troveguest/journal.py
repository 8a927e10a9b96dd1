"""What the agent must not forget: the orders it took, how they ended, what its server is to be, how often it began.

One file of sealed lines in the agent's own state directory, on the disk before an order is answered. An order is
forgotten only after its result is with the broker and many later ones have come. A last line that a crash tore is
dropped: nobody was told yet of what it would have said. At each start, and every ``COMPACT_AFTER`` lines, the file
is written anew without what is over: then the arguments of an order, passwords among them, are gone from it.
"""

import errno
import fcntl
import os
import threading
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from common.contract import types as t
from common.crypto import Key, Unopened
from common.errors import Conflict, HostFailed, NotFound
from common.openstack import log
from common.openstack.context import NOBODY, RequestContext

from .host import files

LOG = log.get(__name__)

COMPACT_AFTER = 200
"""Lines."""
REMEMBERED = 200
"""Ended operations whose results are still known to who asks again."""
_JOURNAL, _KEY = "journal", "journal.key"


class Wanted(Struct, frozen=True, kw_only=True, tag="wanted"):
    """What the database server is to be. ``fault`` is the sentence of a preparation that failed.

    ``prepared_by`` is the operation that made the server, empty while there is none.
    """

    prepared_by: str = ""
    up: bool = False
    fault: str = ""

    @property
    def prepared(self) -> bool:
        return bool(self.prepared_by)


class Accepted(Struct, frozen=True, kw_only=True, tag="accepted"):
    """An order as it came; times in seconds since 1970. ``arguments`` is JSON of the contract."""

    operation_id: str
    method: str
    arguments: Raw
    context: RequestContext = NOBODY
    accepted_at: float
    deadline: float

    def __repr__(self) -> str:
        return f"Accepted({self.operation_id!r}, {self.method!r})"


class Ended(Struct, frozen=True, kw_only=True, tag="ended"):
    """How an operation ended; ``delivered`` once the broker has its result. Times are those of the order."""

    operation_id: str
    method: str
    failure: t.Failure | None = None
    delivered: bool = False
    accepted_at: float | None = None
    deadline: float | None = None


class Began(Struct, frozen=True, kw_only=True, tag="began"):
    """The agent began for the ``count``-th time."""

    count: int


_Record = Wanted | Accepted | Ended | Began
_decoder = msgspec.json.Decoder(_Record)


class Journal:
    """Thread-safe; one at a time for a directory. Opening it counts as a beginning of the agent."""

    def __init__(self, directory: Path) -> None:
        """Raises Conflict when another agent has it open, HostFailed when the directory cannot be used."""
        self._path = directory / _JOURNAL
        self._lock = threading.RLock()
        self._wanted = Wanted()
        self._open: dict[str, Accepted] = {}
        self._ended: dict[str, Ended] = {}
        self._began = 0
        self._lines = 0
        try:
            self._claim = _claim(directory / "journal.lock")
            self._key = _key(directory / _KEY)
            for record in _read(self._path, self._key):
                self._note(record)
            self._began += 1
            self._file = -1
            self._compact()
        except OSError as error:
            raise HostFailed(f"The journal in {directory} cannot be used: {error.strerror}.",
                             "Give the agent's user this directory, and look whether its disk is full.") from error

    @property
    def boot_count(self) -> int:
        """How often this journal was opened, this time included."""
        return self._began

    @property
    def wanted(self) -> Wanted:
        return self._wanted

    def want(self, wanted: Wanted) -> None:
        """On the disk when this returns. Raises HostFailed."""
        with self._lock:
            if wanted != self._wanted:
                self._append(wanted)

    def accept(self, order: Accepted) -> None:
        """On the disk when this returns. Raises HostFailed."""
        with self._lock:
            self._append(order)

    def end(self, operation_id: str, failure: t.Failure | None) -> None:
        with self._lock:
            order = self._open[operation_id]
            self._append_if_possible(Ended(operation_id=operation_id, method=order.method, failure=failure,
                                           accepted_at=order.accepted_at, deadline=order.deadline))

    def mark_delivered(self, operation_id: str) -> None:
        with self._lock:
            self._append_if_possible(msgspec.structs.replace(self._ended[operation_id], delivered=True))

    def method(self, operation_id: str) -> str | None:
        """Which method this id was for; None when it is not known."""
        known = self._open.get(operation_id) or self._ended.get(operation_id)
        return known.method if known is not None else None

    def ticket(self, operation_id: str) -> t.Ticket | None:
        """Where an operation stands; None for an id that is not known."""
        with self._lock:
            record = self._open.get(operation_id) or self._ended.get(operation_id)
        return ticket(record) if record is not None else None

    def unfinished(self) -> list[Accepted]:
        """In the order in which they came."""
        with self._lock:
            return list(self._open.values())

    def undelivered(self) -> list[t.Ticket]:
        """The results that the broker is not known to have, the oldest first."""
        with self._lock:
            return [ticket(ended) for ended in self._ended.values() if not ended.delivered]

    def close(self) -> None:
        with self._lock:
            os.close(self._file)
            os.close(self._claim)

    def _note(self, record: _Record) -> None:
        if isinstance(record, Wanted):
            self._wanted = record
        elif isinstance(record, Began):
            self._began = record.count
        elif isinstance(record, Accepted):
            self._open[record.operation_id] = record
        else:
            self._open.pop(record.operation_id, None)
            self._ended[record.operation_id] = record

    def _append_if_possible(self, record: _Record) -> None:
        """What has happened is so, on the disk or not: without its line the next life does it, or tells it, again."""
        try:
            self._append(record)
        except HostFailed as error:
            LOG.error("The end of an operation could not be written down.", why=error.sentence())
            self._note(record)

    def _append(self, record: _Record) -> None:
        size = os.fstat(self._file).st_size
        line = self._line(record)
        try:
            if os.write(self._file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, size)
            raise HostFailed(f"The agent's journal cannot be written: {error.strerror}.",
                             "Look whether the disk with the instance's state directory is full.") from error
        self._note(record)
        self._lines += 1
        if self._lines >= COMPACT_AFTER:
            self._compact()

    def _compact(self) -> None:
        delivered = [ended.operation_id for ended in self._ended.values() if ended.delivered]
        for operation_id in delivered[:-REMEMBERED]:
            del self._ended[operation_id]
        records: list[_Record] = [Began(count=self._began), self._wanted, *self._ended.values(), *self._open.values()]
        files.write(self._path, b"".join(map(self._line, records)))
        if self._file >= 0:
            os.close(self._file)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._lines = 0

    def _line(self, record: _Record) -> bytes:
        return self._key.seal_text(msgspec.json.encode(record)).encode() + b"\n"


def records(directory: Path) -> list[_Record]:
    """What stands in the journal of a directory, for who looks on from outside: an agent may be at work there.

    Raises NotFound where there is none, HostFailed.
    """
    raw = files.read(directory / _KEY)
    if raw is None:
        raise NotFound(f"There is no journal in {directory}.", "Has an agent ever begun there?")
    return _read(directory / _JOURNAL, _made(raw, directory / _KEY))


def _read(path: Path, key: Key) -> list[_Record]:
    *lines, torn = (files.read(path) or b"").split(b"\n")
    found = [_open_line(line, key) for line in lines]
    if torn:
        LOG.warning("The journal's last line was torn by a crash and is dropped.")
    if lost := found.count(None):
        LOG.error("The journal has lines that cannot be read; they are dropped.", lines=lost)
    return [record for record in found if record is not None]


def _open_line(line: bytes, key: Key) -> _Record | None:
    try:
        record: _Record = _decoder.decode(key.open_text(line.decode("ascii")))
        return record
    except (Unopened, UnicodeDecodeError, msgspec.DecodeError):
        return None


def ticket(record: Accepted | Ended) -> t.Ticket:
    """Where an operation stands by what was last written down of it."""
    if isinstance(record, Accepted):
        return t.Ticket(operation_id=record.operation_id, state=t.OperationState.RUNNING)
    state = t.OperationState.DONE if record.failure is None else t.OperationState.FAILED
    return t.Ticket(operation_id=record.operation_id, state=state, failure=record.failure)


def _claim(path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Conflict(f"Another agent is at work in {path.parent}.", "Stop that one first.") from None
    return descriptor


def _key(path: Path) -> Key:
    """The journal's own key, drawn at the first start: the guest's keys change, and must not take the journal along."""
    raw = files.read(path)
    if raw is None:
        raw = os.urandom(32)
        files.write(path, raw)
    return _made(raw, path)


def _made(raw: bytes, path: Path) -> Key:
    try:
        return Key(raw)
    except ValueError:
        raise HostFailed(f"{path} is not a key.", "Restore it, or remove it together with the journal.") from None
