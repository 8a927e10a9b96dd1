"""Programs, Python, disk, memory, clock, loop devices and control groups of this machine."""

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from common.findings import Finding, failed, ok, warning
from trove.standalone import engines

ROOT = Path("/")
PACKAGES = {
    "python3": "usr/bin/python3",
    "python3-venv": "usr/lib/python3*/ensurepip/__init__.py",
    "mariadb-server-core": "usr/sbin/mariadbd",
    "mariadb-client-core": "usr/bin/mariadb",
    "postgresql": "usr/lib/postgresql/*/bin/postgres",
    "redis-server": "usr/bin/redis-server",
    "rabbitmq-server": "usr/lib/rabbitmq/bin/rabbitmq-server",
    "runit": "usr/bin/runsvdir",
    "xfsprogs": "usr/sbin/mkfs.xfs",
    "util-linux": "usr/bin/setpriv",
    "mount": "usr/bin/mount",
    "passwd": "usr/sbin/useradd",
    "openssh-client": "usr/bin/ssh",
    "rsync": "usr/bin/rsync",
}
"""A file by which each Debian package is known; the same ones as ``bin/_packages`` installs."""

PYTHON = (3, 11)
GIB = 1 << 30
LEAST_DISK, ENOUGH_DISK = 2 * GIB, 10 * GIB
"""One instance of the smallest size with its logs; a handful of them."""
LEAST_MEMORY, ENOUGH_MEMORY = GIB // 2, 2 * GIB
"""Control plane and broker with one small server; a handful of them."""

_UNSYNCHRONISED = 5
"""What adjtimex(2) answers when nothing keeps the clock right (TIME_ERROR)."""
_TIMEX_BYTES = 208


def packages(root: Path = ROOT) -> Iterator[Finding]:
    missing = [name for name, file in PACKAGES.items() if not any(root.glob(file))]
    if missing:
        yield failed("packages", f"Debian packages are missing: {', '.join(missing)}.",
                     f"Run: apt-get install --no-install-recommends {' '.join(missing)}")
    else:
        yield ok("packages", f"All {len(PACKAGES)} Debian packages that Trove stands on are there.")


def python(program: str = "/usr/bin/python3") -> Iterator[Finding]:
    """Agents run on the system's own."""
    done = subprocess.run([program, "-I", "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True,
                          text=True, timeout=30, check=False)
    version = tuple(map(int, done.stdout.split()))
    shown = ".".join(map(str, version)) or "broken"
    if version >= PYTHON:
        yield ok("python", f"{program} is {shown}.")
    else:
        yield failed("python", f"{program} is {shown}, and agents need 3.11 or later.", "Use Debian 12 or later.")


def engine() -> Iterator[Finding]:
    """Raises HostFailed for an engine that Trove does not know."""
    for each in engines.installed():
        yield ok("engine", f"The database engine {each.datastore or each.engine} {each.version} is installed.")


def disk(directory: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(existing(directory)).free
    sentence = f"{free / GIB:.1f} GB are free for {directory}."
    yield _enough("disk", free, LEAST_DISK, ENOUGH_DISK, sentence, "Make room, or name another directory with --state.")


def memory(table: Path = ROOT / "proc" / "meminfo") -> Iterator[Finding]:
    values = dict(line.split(":") for line in table.read_text().splitlines())
    available = int(values["MemAvailable"].split()[0]) * 1024
    sentence = f"{available / GIB:.1f} GB of memory are available."
    yield _enough("memory", available, LEAST_MEMORY, ENOUGH_MEMORY, sentence,
                  "Stop what is not needed, or give the machine more memory.")


def clock(written: Iterable[Path]) -> Iterator[Finding]:
    """``written``: files that the clock must be later than."""
    newest = max((path.stat().st_mtime for path in written if path.exists()), default=0.0)
    if newest > time.time() + 1:
        yield failed("clock", "The clock stands before the time at which the installation's files were written.",
                     "Set it right: timedatectl set-ntp true")
    elif ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) == _UNSYNCHRONISED:
        yield warning("clock", "Nothing keeps the clock right, so times in what is shown may be wrong.",
                      "Run: timedatectl set-ntp true")
    else:
        yield ok("clock", "The clock is kept right.")


def loop_devices(root: Path = ROOT) -> Iterator[Finding]:
    """As root, volumes are XFS images on loop devices."""
    filesystems = (root / "proc" / "filesystems").read_text().split()
    modules = (root / "lib" / "modules" / os.uname().release).glob("kernel/fs/xfs/xfs.ko*")
    if not (root / "dev" / "loop-control").exists():
        yield warning("loop devices", "There are no loop devices, so the size of volumes is watched but not enforced.",
                      "Run: modprobe loop; in a container, let it have /dev/loop-control.")
    elif "xfs" not in filesystems and not any(modules):
        yield warning("loop devices", "The kernel has no XFS, so the size of volumes is watched but not enforced.",
                      "Use a kernel that has it.")
    else:
        yield ok("loop devices", "Volumes can be images of a fixed size.")


def control_groups(root: Path = ROOT) -> Iterator[Finding]:
    groups = root / "sys" / "fs" / "cgroup"
    second = groups / "cgroup.controllers"
    has_second = second.exists() and "memory" in second.read_text().split()
    kind = "2" if has_second else "1" if (groups / "memory" / "memory.limit_in_bytes").exists() else ""
    if kind:
        yield ok("control groups", f"Memory and processor of instances are limited by control groups, version {kind}.")
    else:
        yield warning("control groups", "The kernel offers no memory controller, so instances have no limits.",
                      "Boot with cgroup_enable=memory, or let the container have its own control groups.")


def existing(path: Path) -> Path:
    """``path``, or the nearest directory above it that is there."""
    return next(each for each in (path, *path.parents) if each.exists())


def _enough(check: str, amount: float, least: float, enough: float, sentence: str, remedy: str) -> Finding:
    if amount < least:
        return failed(check, f"{sentence[:-1]}: too little for one instance.", remedy)
    if amount < enough:
        return warning(check, f"{sentence[:-1]}: enough for few instances.", remedy)
    return ok(check, sentence)
