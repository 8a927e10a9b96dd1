"""What a process has in its memory, as a core file of it would have it; and what all processes say aloud."""

import array
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
_ON_DISK = 1 << 62
_IN_MEMORY = 1 << 63


def dump(pid: int, file: Path) -> None:
    """Writes every page that the process has, without those that are a file's and unchanged. Needs root."""
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    pages = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY)
    try:
        with file.open("wb") as written:
            for first, last in _regions(pid):
                for page in _present(pages, first, last):
                    with suppress(OSError):  # it has given it back since
                        written.write(os.pread(memory, PAGE, page * PAGE))
    finally:
        os.close(memory)
        os.close(pages)


def _regions(pid: int) -> Iterator[tuple[int, int]]:
    """First and last page (exclusive) of what the process can write to, or could."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        where, rights, _, _, inode, *_ = line.split()
        if rights[0] == "r" and (rights[1] == "w" or inode == "0") and "[v" not in line:
            first, last = (int(number, 16) // PAGE for number in where.split("-"))
            yield first, last


def _present(pages: int, first: int, last: int) -> Iterator[int]:
    for start in range(first, last, 1 << 16):
        numbers = array.array("Q", os.pread(pages, 8 * min(1 << 16, last - start), 8 * start))
        yield from (start + place for place, number in enumerate(numbers) if number & (_IN_MEMORY | _ON_DISK))


class Listener:
    """Every command line and environment of a process that there is, or was when this looked."""

    def __init__(self) -> None:
        self.heard: dict[str, set[bytes]] = {"cmdline": set(), "environ": set()}
        self.processes: set[str] = set()
        self._ended = threading.Event()

    def listen(self) -> None:
        while True:
            self._look()
            if self._ended.wait(0.05):
                return

    def end(self) -> None:
        self._ended.set()

    def _look(self) -> None:
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) != os.getpid():
                for name, known in self.heard.items():
                    with suppress(OSError):
                        known.add((entry / name).read_bytes())
                        self.processes.add(entry.name)


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    thread = threading.Thread(target=listener.listen)
    thread.start()
    try:
        yield listener
    finally:
        listener.end()
        thread.join()
