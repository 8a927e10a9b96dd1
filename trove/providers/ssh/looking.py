"""What a look at a host tells. Runs there, as root, from memory; ``root`` is its file system."""

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from trove.releases import machine

PATIENCE = 60.0

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SERVERS = {"mariadb": ("usr/sbin/mariadbd", r"Ver (\d+\.\d+)\.\d+-MariaDB"),
            "mysql": ("usr/sbin/mysqld", r"Ver (\d+\.\d+)\.\d+\b(?!-MariaDB)"),
            "postgresql": ("usr/lib/postgresql/*/bin/postgres", r"PostgreSQL\) (\d+)\."),
            "redis": ("usr/bin/redis-server", r"Redis server v=(\d+\.\d+)")}
"""The programs of each engine, and where the version stands in what ``--version`` prints."""
_BELOW = ("sbin", "bin", "libexec", "usr/sbin", "usr/bin", "usr/libexec", "scripts", "usr/scripts")
_ELSEWHERE = {"mariadb": (("mariadbd",), _BELOW, r"Ver (\d+\.\d+)\.\d+-MariaDB"),
              "mysql": (("mysqld",), _BELOW, r"Ver (\d+\.\d+)\.\d+\b(?!-MariaDB)"),
              "postgresql": (("postgres",), ("", "bin"), r"PostgreSQL\) (\d+)"),
              "redis": (("redis-server", "valkey-server"), ("", *_BELOW), r"(?:Redis|Valkey) server v=(\d+\.\d+)")}
"""Of each engine, where an agent looks for its server when it is told a directory, and how that tells its version."""
_PACKAGES = {**machine.PACKAGES, "rsync": ("rsync",)}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp (include/net/tcp_states.h)."""
_BLOCK, _GIB = 512, 1 << 30
_NOBODY = 65534
_TELLS_WITHIN = 10.0
"""Seconds for a program to say its version."""


def placed(root: str) -> list[str]:
    """Ids of the instances that have anything there."""
    top = machine.top(root)
    names = [path.name for path in top.glob("instances/*")] + [path.stem for path in top.glob("volumes/*.*")]
    return sorted({name for name in names if _ID.fullmatch(name)})


def facts(root: str, listen_address: str, binaries: list[list[str]]) -> dict[str, object]:
    """As ``Facts`` of ``trove.domain.hosts`` has them; ``now`` is the host's clock, ``lacks`` what it must yet get.

    ``binaries``: engines and directories that are asked for beside those of the system.
    """
    return {"memory_mb": _memory_mb(), "vcpus": os.cpu_count() or 1, "disk_gb": _disk_gb(machine.top(root)),
            "python": ".".join(platform.python_version_tuple()[:2]), "arch": os.uname().machine,
            "systemd": Path("/run/systemd/system").is_dir(), "engines": _engines(),
            "binaries": {place: number for engine, place in binaries if (number := told(engine, place))},
            "busy_ports": sorted(_busy_ports(listen_address)), "owns_address": _owns(listen_address),
            "lacks": [package for package, programs in _PACKAGES.items()
                      if any(shutil.which(program, path=_PATH) is None for program in programs)],
            "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(), "now": time.time()}


def told(engine: str, binaries: str) -> str:
    """The version of the server at ``binaries``, a directory or the program; empty where none is or none runs.

    It is run as a user who may do nothing: what it is told to run is an operator's word and not yet anybody's server.
    """
    names, places, words = _ELSEWHERE[engine]
    top = Path(binaries)
    found = [top] if top.is_file() else [top / place / name for place in places for name in names]
    program = next((path for path in found if path.name in names and os.access(path, os.X_OK)), None)
    if program is None:
        return ""
    who: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY, "extra_groups": ()} if os.geteuid() == 0 else {}
    try:
        said = subprocess.run([str(program), "--version"], capture_output=True, text=True, errors="replace",
                              timeout=_TELLS_WITHIN, check=False, cwd="/", **who)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    number = re.search(words, said.stdout)
    return number[1] if number else ""


def _memory_mb() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20


def _disk_gb(top: Path) -> int:
    """What is free and what volumes take already."""
    there = next(path for path in (top, *top.parents) if path.exists())
    taken = sum(image.stat().st_blocks * _BLOCK for image in top.glob("volumes/*.img"))
    return (shutil.disk_usage(there).free + taken) // _GIB


def _engines() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for engine, (programs, words) in _SERVERS.items():
        for program in sorted(Path("/").glob(programs)):
            said = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=30, check=False)
            number = re.search(words, said.stdout)
            found.setdefault(engine, []).extend([number[1]] if number else [])
    return found


def _busy_ports(address: str) -> set[int]:
    """Where somebody listens, at ``address`` or at all of them."""
    found = set()
    for line in (line.split() for line in _listening()):
        where, _, port = line[1].rpartition(":")
        if line[3] == _LISTEN and (not int(where, 16) or where == _packed(address)):
            found.add(int(port, 16))
    return found


def _listening() -> list[str]:
    tables = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
    return [line for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]


def _packed(address: str) -> str:
    """As the kernel writes an address in its tables: words of 32 bits in the machine's own order."""
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    data = socket.inet_pton(kind, address)
    words = (data[place:place + 4] for place in range(0, len(data), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


def _owns(address: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
