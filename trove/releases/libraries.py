"""The agent's libraries: the locked wheels for a target, and those among them that an engine needs."""

import email
import email.message
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import HostFailed

from .sources import DISTRIBUTIONS

GLIBC = range(17, 37)
"""Minor versions of glibc 2 whose wheels a target takes: from manylinux2014 to Debian 12."""


@dataclass(frozen=True)
class Wheel:
    path: Path
    metadata: email.message.Message

    @property
    def name(self) -> str:
        return normal(str(self.metadata["Name"]))

    def asks(self) -> list[str]:
        return [str(line) for line in self.metadata.get_all("Requires-Dist", [])]

    def licence(self) -> dict[str, str]:
        """Name, version and licence as the library states it: an SPDX expression, a line, or a classifier."""
        stated = self.metadata["License-Expression"] or str(self.metadata["License"] or "").partition("\n")[0]
        classifiers = [str(line).rpartition(" :: ")[2] for line in self.metadata.get_all("Classifier", [])
                       if str(line).startswith("License ::")]
        return {"name": self.name, "version": str(self.metadata["Version"]),
                "licence": stated or ", ".join(classifiers) or "not stated"}

    def unpack(self, library: Path) -> None:
        """All of it but the note of what was installed; the manifest says that better. Raises HostFailed."""
        with zipfile.ZipFile(self.path) as archive:
            for name in archive.namelist():
                if ".data/" in name:
                    raise HostFailed(f"{self.path.name} has files that belong outside of its package: {name}.",
                                     "Such a library cannot be part of the agent's release.")
                if not name.endswith((".dist-info/RECORD", "/")):
                    archive.extract(name, library)


def download(locked: Path, python: str, arch: str, directory: Path) -> list[Wheel]:
    """Every locked wheel for one version of Python on one kind of machine. Raises HostFailed with pip's last words."""
    platforms = [f"manylinux_2_{minor}_{arch}" for minor in reversed(GLIBC)] + [f"manylinux2014_{arch}"]
    ended = subprocess.run(
        [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--require-hashes", "--only-binary=:all:", "--implementation", "cp", "--python-version", python,
         *(word for each in platforms for word in ("--platform", each)), "--dest", str(directory),
         "--requirement", str(locked)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise HostFailed(f"The agent's release could not be built: {ended.stderr.strip()[-1000:]}",
                         "Its libraries come from a package index by pip: are there both?")
    return [_read(path) for path in sorted(directory.glob("*.whl"))]


def needed(wheels: Iterable[Wheel], asks: Sequence[str], engines: Sequence[str]) -> list[Wheel]:
    """Those that the agent asks for with the extras of ``engines``, and what these ask for in their turn.

    Markers other than extras were resolved when the versions were locked: what they exclude is not in the lock.
    """
    by_name = {wheel.name: wheel for wheel in wheels}
    found: dict[str, Wheel] = {}
    open_ends = [*_names(asks, engines)]
    while open_ends:
        name = open_ends.pop()
        if name in by_name and name not in found:
            found[name] = by_name[name]
            open_ends += _names(found[name].asks(), ())
    if missing := {*_names(asks, engines)} - found.keys() - {*DISTRIBUTIONS.values()}:
        raise HostFailed(f"The locked libraries lack {', '.join(sorted(missing))}.", "Lock them: packaging/lock.")
    return [found[name] for name in sorted(found)]


def normal(name: str) -> str:
    """A distribution's name as everybody writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(asks: Iterable[str], extras: Sequence[str]) -> Iterator[str]:
    for line in asks:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"""extra\s*==\s*["']([^"']+)["']""", marker)
        found = re.match(r"[\w.-]+", requirement.strip())
        if found is not None and (extra is None or extra[1] in extras):
            yield normal(found[0])


def _read(path: Path) -> Wheel:
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Wheel(path, email.message_from_bytes(archive.read(name)))
