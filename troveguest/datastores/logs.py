"""Capability ``logs`` of engines that are a server process: its own log, which the supervisor keeps short, and those on
the volume that are switched on and off, which are begun anew here before they are large.

They are read in pieces of bounded size from files that somebody else may have put in their place. A position names a
file by its inode, the bytes read of it, and a sum of the last of these: it survives rotation, and another file is never
taken for the one that was read.
"""

import codecs
import os
import re
import stat
from binascii import crc32
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from msgspec import structs

from common.contract import types as t
from common.errors import EngineFailed, Invalid, NotFound, TroveError

from ..host import files
from .overrides import Overrides

CHUNK = 2**16
"""Bytes that are read at most in one piece."""
LARGEST = 2**24
"""Bytes after which a log on the volume is begun anew. One before it is kept, unless that grew much larger."""
START = "start"
"""The position of the oldest byte that there is."""
_LONGEST_CHARACTER = 4
_SUMMED = 64
_POSITION = re.compile(r"([0-9]{1,20}):([0-9]{1,18}):([0-9]{1,10})")
_MOVING = 30.0


@dataclass(frozen=True, slots=True)
class Source:
    """``on`` and ``off`` are the server's settings that switch the log; what has none is always written."""

    path: Path
    on: dict[str, str] = field(default_factory=dict)
    off: dict[str, str] = field(default_factory=dict)


class Logs(Overrides):
    def sources(self) -> dict[str, Source]:
        """By name, in the order in which they are shown."""
        raise NotImplementedError

    def reopen_log(self, name: str) -> None:
        """Has the server write to a new file where the old one is gone. Raises TroveError."""

    def switches(self) -> dict[str, str]:
        """The settings that switch the logs as they are wanted."""
        return {setting: value for name, source in self.sources().items()
                for setting, value in (source.on if name in self.kept.logs else source.off).items()}

    def list_logs(self) -> tuple[t.Log, ...]:
        return tuple(self._look_at(name, source) for name, source in self.sources().items())

    def set_log(self, name: str, enabled: bool) -> None:
        if not self._source(name).on:
            raise Invalid(f"The log {name} is always written.", "Leave it as it is.")
        with self._changing:
            before = self.kept.logs
            wanted = {*before, name} if enabled else {*before} - {name}
            self._use(structs.replace(self.kept, logs=tuple(sorted(wanted))))
            try:
                if self.context.host.database().process:
                    self.change(self.switches())
            except TroveError:
                self._use(structs.replace(self.kept, logs=before))
                raise

    def read_log(self, name: str, after: str, limit: int) -> t.LogChunk:
        path = self._source(name).path
        with ExitStack() as stack:
            opened = [stack.enter_context(file) for file in self._opened(path)]
            return _read(opened, after, max(_LONGEST_CHARACTER, min(limit, CHUNK)))

    def tend_logs(self, serving: bool) -> list[t.Drift]:
        with self._changing:
            wanted = self.switches() if serving else {}
            if not (changed := self._differing(wanted)):
                return []
            self.change({name: value for name, value in wanted.items() if name in changed})
        return [t.Drift(repaired=True, sentence=f"The switches of the server's logs ({', '.join(changed)}) were changed"
                                                " behind our back and have been put right.")]

    def bound_logs(self) -> None:
        """While the server serves. Raises TroveError or OSError."""
        for name in self.kept.logs:
            path = self._source(name).path
            if path != self.context.database_log and self._moved_aside(path):
                self.reopen_log(name)

    def _moved_aside(self, path: Path) -> bool:
        """Whether the server is to make it anew: it is large, no plain file of the server's, or not there."""
        try:
            info = path.lstat()
        except FileNotFoundError:
            return True
        is_own = stat.S_ISREG(info.st_mode) and info.st_uid == path.parent.stat().st_uid
        if is_own and info.st_size <= LARGEST:
            return False
        moved = ["/bin/mv", "-fT", "--", str(path), str(_before(path))]
        removed = ["/bin/rm", "-rf", "--", str(path), str(_before(path))]
        keep = is_own and info.st_size <= 4 * LARGEST
        finished = self.context.host.run_job(moved if keep else removed, _MOVING)
        if finished.exit_code:
            raise EngineFailed(f"The log {path.name} cannot be begun anew: {finished.output[-200:].strip()}.")
        return True

    def _source(self, name: str) -> Source:
        sources = self.sources()
        if name not in sources:
            raise NotFound(f"There is no log {name[:80]!r}.", f"There are: {', '.join(sources)}.")
        return sources[name]

    def _look_at(self, name: str, source: Source) -> t.Log:
        size = 0
        for file in self._opened(source.path):
            with file:
                size += _size(file)
        return t.Log(name=name, switched=bool(source.on), enabled=not source.on or name in self.kept.logs, size=size)

    def _opened(self, path: Path) -> Iterator[BinaryIO]:
        """The oldest first. What is not its writer's own is none of it: a link to a secret of somebody else's."""
        kept = path == self.context.database_log
        older = sorted(path.parent.glob("@*")) if kept else [_before(path)]
        writer = os.geteuid() if kept else path.parent.stat().st_uid
        for each in (*older, path):
            with suppress(PermissionError):
                file = files.open_plain(each)
                if file is not None and os.fstat(file.fileno()).st_uid == writer:
                    yield file
                elif file is not None:
                    file.close()


def _before(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def _read(opened: list[BinaryIO], after: str, limit: int) -> t.LogChunk:
    if not opened:
        return t.LogChunk(text="", after=after or START)
    index, offset, lost = _find(opened, after, limit)
    while True:
        is_last = index == len(opened) - 1
        data = os.pread(opened[index].fileno(), limit, offset)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(data, final=len(data) < limit and not is_last)
        end = offset + len(data) - len(decoder.getstate()[0])
        if text or is_last:
            return t.LogChunk(text=text, after=_position(opened[index], end), lost=lost,
                              more=bool(text) and (not is_last or end < _size(opened[index])))
        index, offset = index + 1, 0


def _find(opened: list[BinaryIO], after: str, limit: int) -> tuple[int, int, bool]:
    """Which file, where in it, and whether something before that is gone. Raises Invalid."""
    if after in ("", START):
        return (*(_tail(opened, limit) if not after else (0, 0)), False)
    if (found := _POSITION.fullmatch(after)) is None:
        raise Invalid(f"{after[:80]!r} is no position in a log.", "Take one that an answer had.")
    for index, file in enumerate(opened):
        if os.fstat(file.fileno()).st_ino == int(found[1]) and _position(file, int(found[2])) == after:
            return index, int(found[2]), False
    return 0, 0, True


def _tail(opened: list[BinaryIO], limit: int) -> tuple[int, int]:
    """Where the last whole lines of ``limit`` bytes begin."""
    left = limit
    for index in reversed(range(len(opened))):
        size = _size(opened[index])
        if size > left:
            begin = size - left
            return index, begin + os.pread(opened[index].fileno(), left, begin).find(b"\n") + 1
        left -= size
    return 0, 0


def _position(file: BinaryIO, offset: int) -> str:
    summed = min(offset, _SUMMED)
    return f"{os.fstat(file.fileno()).st_ino}:{offset}:{crc32(os.pread(file.fileno(), summed, offset - summed))}"


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
