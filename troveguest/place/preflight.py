"""Whether this machine can carry an instance: looked at before anything is made for it.

A check yields warnings, and raises the error that the creation would end with. What it takes beside the order stands
for the machine in tests.
"""

import errno
import locale as language
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from common import datastores
from common.contract.placement import BusLogin, Preflight
from common.errors import Conflict, HostFailed, Invalid, NoSpace, Unreachable
from common.findings import Finding, collect, ok, warning

from ..host import files
from ..host.record import GIB
from . import commands

PROGRAMS = {"env": "coreutils", "setsid": "util-linux", "runsvdir": "runit", "runsv": "runit", "svlogd": "runit"}
"""By the Debian package that brings them; those below are needed as root."""
ROOTS = {"setpriv": "util-linux", **dict.fromkeys(("useradd", "usermod", "userdel", "groupdel"), "passwd")}
VOLUMES = {"mkfs.xfs": "xfsprogs", "xfs_growfs": "xfsprogs", **dict.fromkeys(("losetup", "mount", "umount"), "mount")}
LEAST_DISK, LEAST_FILES = 256 << 20, 1000
"""Bytes and names: a database server's first data, its logs and the agent's files."""
CLOCK_SKEW = 5.0
_PATIENCE = 5.0
_LOOPBACK = ("127.", "::1", "localhost")


Findings = Iterable[Finding]


def manifest(release: Path) -> dict[str, Any]:
    """Of a release; empty where none is, as in a checkout."""
    found: dict[str, Any] = msgspec.json.decode(files.read(release / "manifest.json") or b"{}")
    return found


def release(order: Preflight) -> Findings:
    """Raises Invalid for what is no release, or one without the engine; HostFailed for one of another Python."""
    where = Path(order.release)
    if not (where / "bin" / "trove-guestagent").is_file():
        raise Invalid(f"{where} is no release of the agent.", "Build one: trovectl agent build.")
    if not (where / "lib" / "troveguest" / "datastores" / order.datastore).is_dir():
        raise Invalid(f"The release {where} is not for {order.datastore}.", "Build one: trovectl agent build.")
    return python(where)


def python(release: Path, version: Iterable[int] = sys.version_info[:2]) -> Findings:
    made, here, arch = manifest(release), ".".join(map(str, version)), os.uname().machine
    if made and (made["python"], made["arch"]) != (here, arch):
        meant = f"Python {made['python']} on {made['arch']}"
        raise HostFailed(f"The agent's release is for {meant}, and this machine has Python {here} on {arch}.",
                         f"Build one for it: trovectl agent build --python {here} --arch {arch}.")
    return ()


def programs(order: Preflight, find: Callable[..., str | None] = shutil.which) -> Findings:
    """Raises HostFailed."""
    engine = datastores.manifest(order.datastore).programs
    top = order.binaries.rstrip("/")
    if Path(top).is_file():  # the program itself
        top = str(Path(top).parent)
    places = ":".join((top, *(f"{top}{base}/{place}" for base in ("/usr", "") for place in (
        "sbin", "bin", "libexec", "scripts", "local/bin"))))
    needed = PROGRAMS | (ROOTS if commands.is_root() else {})
    missing = {name: package for name, package in needed.items() if find(name, path=commands.PATH) is None}
    missing |= {names.replace("|", " or "): package for names, package in engine.items()
                if all(find(name, path=places) is None for name in names.split("|"))}
    if missing:
        raise HostFailed(f"This machine lacks {', '.join(missing)}.", _install(missing))
    lesser = {name: package for name, package in VOLUMES.items() if find(name, path=commands.PATH) is None}
    if lesser and commands.is_root():
        yield warning("programs", f"Without {', '.join(lesser)} the size of volumes is watched but not enforced.",
                      _install(lesser))


def passage(order: Preflight) -> Findings:
    """Raises HostFailed: as root, an instance's agent and server run as users of their own."""
    for path in (*Path(order.home).parents, Path(order.release), *Path(order.release).parents):
        if commands.is_root() and path.exists() and not path.stat().st_mode & 0o001:
            raise HostFailed(f"Users of instances cannot pass through {path}.",
                             f"Let them: chmod o+x {path}, or choose another directory.")
    return ()


def locale(order: Preflight, take: Callable[[int, str], object] = language.setlocale) -> Findings:
    before = language.setlocale(language.LC_CTYPE)
    try:
        take(language.LC_CTYPE, commands.ENVIRONMENT["LANG"])
    except language.Error:
        yield warning("locale", "The locale C.UTF-8 is not there, so names beyond ASCII may be shown wrong.",
                      "Install it: on Debian it is in libc-bin.")
    language.setlocale(language.LC_CTYPE, before)


def disk(order: Preflight, look: Callable[[Path], Any] = os.statvfs) -> Findings:
    """Raises NoSpace."""
    below = next(path for path in Path(order.home).parents if path.exists())
    space = look(below)
    free = space.f_bavail * space.f_frsize
    if free < LEAST_DISK or (space.f_files and space.f_favail < LEAST_FILES):
        raise NoSpace(f"{free >> 20} MB and {space.f_favail} files are free in {below}: too little for an instance.",
                      "Make room, then try again.")
    if order.volume_gb is not None and free < order.volume_gb * GIB:
        yield warning("disk", f"{free / GIB:.1f} GB are free in {below}, less than the volume's {order.volume_gb} GB.",
                      "Make room before it is needed: a volume takes it only as data comes.")


def clock(order: Preflight, now: Callable[[], float] = time.time) -> Findings:
    ahead = 0.0 if order.clock is None else now() - order.clock
    if abs(ahead) > CLOCK_SKEW:
        yield warning("clock", f"The clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} that of the "
                      "control plane, so times in what is shown are wrong.", "Set it right: timedatectl set-ntp true")


def address(order: Preflight) -> Findings:
    """Raises Conflict when it is taken, HostFailed when it is not this machine's."""
    with socket.socket(socket.AF_INET6 if ":" in order.address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((order.address, order.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Conflict(f"Another program listens on port {order.port} of {order.address}, or of every address.",
                               "Stop it, or bind it to an address of its own.") from None
            raise HostFailed(f"Port {order.port} of {order.address} cannot be had: {error.strerror}.",
                             "Look whether the address is this machine's: ip address.") from None
    return ()


def broker(order: Preflight) -> Findings:
    """Raises HostFailed for a certificate that does not do, Unreachable."""
    if order.bus is None or order.bus.host.startswith(_LOOPBACK):
        return (ok("broker", "The broker is on this machine, where the control plane reaches it, too."),)
    greet(order.bus)
    return ()


def greet(bus: BusLogin) -> None:
    """A TLS handshake with the broker. Raises HostFailed, Unreachable."""
    import ssl  # a third of all that this command loads

    believed = ssl.create_default_context(cadata=bus.ca_pem)
    with reaching(bus.host, bus.port), socket.create_connection((bus.host, bus.port), _PATIENCE) as plain:
        believed.wrap_socket(plain, server_hostname=bus.server_name or bus.host).close()


@contextmanager
def reaching(host: str, port: int) -> Iterator[None]:
    """Turns what a connection to the broker raises into HostFailed or Unreachable."""
    try:
        yield
    except OSError as error:
        reason = getattr(error, "verify_message", "")  # of ssl.SSLCertVerificationError
        if not reason:
            raise Unreachable(f"The broker at {host}, port {port}, cannot be reached from this machine: {error}.",
                              "Open the way there: address, routes, firewall.") from None
        raise HostFailed(f"The broker's certificate is not believed: {reason}.",
                         "Look at the clock of this machine (date), then at the broker's address and name.") from None


def _install(missing: dict[str, str]) -> str:
    return f"On Debian: apt-get install --no-install-recommends {' '.join(sorted(set(missing.values())))}"


Check = tuple[str, Callable[[Any], Findings], str]
"""Its name, what it does, and what is so where it finds nothing."""

STANDING: tuple[Check, ...] = (
    ("release", release, "The release is for this machine and its engine."),
    ("permissions", passage, "The users of instances can pass to their files."),
)
"""Of every placing; the others count before the first."""
CHECKS: tuple[Check, ...] = (
    *STANDING,
    ("programs", programs, "Every program that is needed is there."),
    ("locale", locale, "The locale is there."),
    ("disk", disk, "There is room on the disk."),
    ("clock", clock, "The clock is right."),
    ("address", address, "The address is free."),
    ("broker", broker, "The broker is reached, and its certificate believed."),
)


def examine(checks: Iterable[Check], subject: object) -> Iterator[Finding]:
    for name, look, well in checks:
        yield from collect(name, partial(look, subject)) or [ok(name, well)]


def require(order: Preflight, *, is_new: bool) -> None:
    """Raises what the first check raises. Warnings hinder nothing."""
    for _, look, _ in CHECKS if is_new else STANDING:
        list(look(order))
