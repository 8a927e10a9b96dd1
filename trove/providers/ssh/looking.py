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

from trove.releases import machine

PATIENCE = 60.0

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SERVERS = {"mariadb": ("usr/sbin/mariadbd", r"Ver (\d+\.\d+)\.\d+-MariaDB"),
            "postgresql": ("usr/lib/postgresql/*/bin/postgres", r"PostgreSQL\) (\d+)\."),
            "redis": ("usr/bin/redis-server", r"Redis server v=(\d+\.\d+)")}
"""The programs of each engine, and where the version stands in what ``--version`` prints."""
_PACKAGES = {**machine.PACKAGES, "rsync": ("rsync",)}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp (include/net/tcp_states.h)."""
_BLOCK, _GIB = 512, 1 << 30


def placed(root: str) -> list[str]:
    """Ids of the instances that have anything there."""
    top = machine.top(root)
    names = [path.name for path in top.glob("instances/*")] + [path.stem for path in top.glob("volumes/*.*")]
    return sorted({name for name in names if _ID.fullmatch(name)})


def facts(root: str, listen_address: str) -> dict[str, object]:
    """As ``Facts`` of ``trove.domain.hosts`` has them; ``now`` is the host's clock, ``lacks`` what it must yet get."""
    return {"memory_mb": _memory_mb(), "vcpus": os.cpu_count() or 1, "disk_gb": _disk_gb(machine.top(root)),
            "python": ".".join(platform.python_version_tuple()[:2]), "arch": os.uname().machine,
            "systemd": Path("/run/systemd/system").is_dir(), "engines": _engines(),
            "busy_ports": sorted(_busy_ports(listen_address)), "owns_address": _owns(listen_address),
            "lacks": [package for package, programs in _PACKAGES.items()
                      if any(shutil.which(program, path=_PATH) is None for program in programs)],
            "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(), "now": time.time()}


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
