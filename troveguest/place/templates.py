"""Prepared data directories: made once for a server's programs by initialising one, checked each time they are copied.

``<root>/templates/<engine>-<version>-<hash>/`` is root's: ``tree``, which a new volume gets as its ``data``, and
``manifest.json`` with the size and checksum of each file: against a disk that errs, as nobody but root can write there;
a cryptographic hash takes longer than all else together. The hash in the name is that of the programs. A template is
made behind a creation that found none, as the place of an instance that has its name: what ends and removes instances
ends and removes that, too.
"""

import hashlib
import os
import shutil
import subprocess
import time
import uuid
import zlib
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from common import trees
from common.contract.placement import Placement
from common.errors import TroveError

from ..host import files
from . import commands

_TREE, _MANIFEST, _SEEN, _FAILED, _DAMAGED = "tree", "manifest.json", "seen.json", "failed", "damaged"
_ENGINES = "troveguest.datastores"
_FORMAT = 2
"""Counts what makes earlier templates useless."""
_PATIENCE = 300.0
_SURE = 600.0
"""Seconds after which every byte is read again although nothing was touched: a disk may err."""
_PIECE = 1 << 18
_PRIVATE = ("*.pem", "auto.cnf")
"""What servers of MySQL's family make anew where it is missing, and must not share."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``sources``: size and time of the programs by path; ``files``: size and CRC-32 by path in the tree, ""
    of directories."""

    sources: dict[str, tuple[int, int]]
    files: dict[str, str]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """When every byte was last read and found right, in seconds since 1970, and the digest of how the tree looked."""

    at: float
    look: str


@dataclass
class Template:
    """Of the engine and the programs that an instance is placed with; it may not have been made."""

    path: Path
    recipe: Any
    sources: dict[str, tuple[int, int]]
    placement: Placement

    @property
    def home(self) -> Path:
        """Where it is made; the name is that of an instance."""
        digest = hashlib.sha256(os.fsencode(self.path)).digest()
        return Path(self.placement.home).with_name(str(uuid.UUID(bytes=digest[:16], version=4)))

    @property
    def is_there(self) -> bool:
        return (self.path / _MANIFEST).exists()

    @property
    def is_wanted(self) -> bool:
        """Whether it is to be made: what once failed is tried again with other programs."""
        return not (self.is_there or (self.path / _FAILED).exists())

    def copy(self, target: Path, owner: files.Owner) -> str:
        """To ``target``, which nobody else can reach, looking whether it is whole; what root is to know when that can
        not be, and then nothing is there."""
        shutil.rmtree(target, ignore_errors=True)
        copying = subprocess.Popen(
            [commands.find("cp"), "-R", "--preserve=mode", "--reflink=auto", "--sparse=always", "--", self.path / _TREE,
             target], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        is_whole = self._is_whole()
        try:
            if copying.wait() == 0 and is_whole:
                self.recipe.distinguish(target)
                for directory, _, names in os.walk(target):
                    for path in (directory, *(f"{directory}/{name}" for name in names)):
                        os.chown(path, *owner)
                return ""
            why = "could not be copied" if is_whole else "is damaged and was put aside"
        except (TroveError, OSError) as error:
            why = f"could not be used: {error}"
        if not is_whole:
            self._put_aside()
        shutil.rmtree(target, ignore_errors=True)
        return f"The template {self.path.name} {why}; the server initialised itself."

    def make(self, account: Any, work: Path) -> None:
        """Initialises a server in ``work``, which is the ``account``'s, and takes it over. Raises HostFailed."""
        tree, aside = work / _TREE, self.path.with_name(f".{self.path.name}")
        self._remove_former()
        words = self.recipe.command(self.placement.binaries, self.placement.datastore_version, tree)
        identity: dict[str, Any] = {}
        if commands.is_root():
            identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
        ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, cwd=work, timeout=_PATIENCE,
                               env=commands.ENVIRONMENT, check=False, **identity)
        if ended.returncode:
            self.path.mkdir()
            files.write(self.path / _FAILED, ended.stdout + ended.stderr)
            return
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        commands.run(["cp", "-R", "--preserve=mode", "--sparse=always", "--", str(tree), str(aside / _TREE)])
        for pattern in _PRIVATE:
            for path in (aside / _TREE).rglob(pattern):
                path.unlink()
        manifest = Manifest(sources=self.sources, files=_sums(aside / _TREE))
        files.write(aside / _MANIFEST, msgspec.json.encode(manifest))
        commands.run(["sync", "--file-system", str(aside)])
        aside.rename(self.path)

    def _is_whole(self) -> bool:
        with suppress(OSError, msgspec.DecodeError):
            known = msgspec.json.decode((self.path / _MANIFEST).read_bytes(), type=Manifest)
            return known.sources == self.sources and self._is_as_known(known)
        return False

    def _is_as_known(self, known: Manifest) -> bool:
        look = hashlib.sha256(msgspec.json.encode(sorted(trees.look(str(self.path / _TREE))))).hexdigest()
        with suppress(OSError, msgspec.DecodeError):
            seen = msgspec.json.decode((self.path / _SEEN).read_bytes(), type=Seen)
            if seen.look == look and 0 <= time.time() - seen.at < _SURE:
                return True
        if known.files != _sums(self.path / _TREE):
            return False
        files.write(self.path / _SEEN, msgspec.json.encode(Seen(at=time.time(), look=look)))
        return True

    def _put_aside(self) -> None:
        aside = self.path.with_name(f"{self.path.name}.{_DAMAGED}")
        shutil.rmtree(aside, ignore_errors=True)
        with suppress(FileNotFoundError):  # somebody else has just done it
            (self.path / _MANIFEST).unlink()
            self.path.rename(aside)

    def _remove_former(self) -> None:
        """Templates of programs that are no more."""
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        for manifest in self.path.parent.glob(f"*/{_MANIFEST}"):
            known = msgspec.json.decode(manifest.read_bytes(), type=Manifest)
            if known.sources != _looks(tuple(map(Path, known.sources))):
                shutil.rmtree(manifest.parent)


def find(placement: Placement) -> Template | None:
    """None where the engine has none, and for an instance that is to be made without one. Raises HostFailed."""
    name = f"{_ENGINES}.{placement.datastore}"
    if not placement.template or find_spec(f"{name}.template") is None:
        return None
    recipe = import_module(f"{name}.template")
    sources = _looks(recipe.sources(placement.binaries, placement.datastore_version))
    digest = hashlib.sha256(msgspec.json.encode((_FORMAT, sources))).hexdigest()[:16]
    root = Path(placement.home).parent.parent / "templates"
    return Template(root / f"{placement.datastore}-{placement.datastore_version}-{digest}", recipe, sources, placement)


def _looks(programs: tuple[Path, ...]) -> dict[str, tuple[int, int]]:
    found = {}
    for program in programs:
        with suppress(FileNotFoundError):
            info = program.stat()
            found[str(program)] = (info.st_size, info.st_mtime_ns)
    return found


def _sums(tree: Path) -> dict[str, str]:
    """Of plain paths: there are a thousand files, and somebody waits."""
    root, found = os.fspath(tree), {}
    for directory, _, names in os.walk(root):
        found[directory[len(root):]] = ""
        for name in names:
            path = f"{directory}/{name}"
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                total, size = 0, 0
                while data := file.read(_PIECE):
                    total, size = zlib.crc32(data, total), size + len(data)
            found[path[len(root):]] = f"{size} {total:08x}"
    return found
