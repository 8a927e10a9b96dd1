#!/usr/bin/python3 -IS
"""Becomes the database server: ``launcher.py COMMAND NOTE``. Standard library alone; runs as the engine's user.

COMMAND is a JSON file ``{"argv": [...], "environment": {...}}`` that the agent wrote. The server takes over this very
process, so that it is the supervisor's own child; what it says on its standard streams goes to the supervisor's log.

NOTE gets the process's id, start in clock ticks, and boot: by it the server is found if its supervisor was killed.
"""

import json
import os
import sys

_BASE = ("PATH", "LANG", "TROVE_HOME")


def main(command: str, note: str) -> None:
    with open(command, encoding="utf-8") as file:  # noqa: PTH123 (pathlib costs a start 5 ms)
        order = json.load(file)
    os.umask(0o027)
    os.setsid()
    _introduce(note)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    environment = {name: os.environ[name] for name in _BASE if name in os.environ}
    os.execvpe(order["argv"][0], order["argv"], environment | order["environment"])  # noqa: S606


def _introduce(note: str) -> None:
    with open("/proc/self/stat", encoding="utf-8") as stat, open("/proc/sys/kernel/random/boot_id") as boot:  # noqa: PTH123
        start = stat.read().rpartition(")")[2].split()[19]
        text = f"{os.getpid()} {start} {boot.read()}"
    with open(f"{note}.new", "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
    os.replace(f"{note}.new", note)  # noqa: PTH105


if __name__ == "__main__":
    main(*sys.argv[1:])
