"""Prepared data directories: made once for a server's programs by initialising one, checked each time they are copied.

``<root>/templates/<engine>-<version>-<hash>/`` is root's: ``tree``, which a new volume gets as its ``data``, and
``manifest.json`` with the hash of each file. The hash in the name is that of the programs. A template is made behind a
creation that found none, as the place of an instance that has its name: what ends and removes instances ends and
removes that, too.
"""

import hashlib
import os
import shutil
import subprocess
import uuid
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from common.contract.placement import Placement
from common.errors import TroveError

from ..host import files
from . import commands

_TREE, _MANIFEST, _FAILED, _DAMAGED = "tree", "manifest.json", "failed", "damaged"
_ENGINES = "troveguest.datastores"
_FORMAT = 1
"""Counts what makes earlier templates useless."""
_PATIENCE = 300.0
_PRIVATE = ("*.pem", "auto.cnf")
"""What servers of MySQL's family make anew where it is missing, and must not share."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``sources``: size and time of the programs by path; ``files``: SHA-256 by path in the tree, of directories ""."""

    sources: dict[str, tuple[int, int]]
    files: dict[str, str]


@dataclass(frozen=True)
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

    def copy(self, target: Path) -> str:
        """Makes ``target``, which nobody else can reach; what root is to know when that cannot be, and then it is not.

        The files are checked while they are copied.
        """
        shutil.rmtree(target, ignore_errors=True)
        with subprocess.Popen(
                [commands.find("cp"), "-R", "--preserve=mode", "--reflink=auto", "--sparse=always", "--",
                 self.path / _TREE, target], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL) as copying:
            is_whole = self._is_whole()
        try:
            if is_whole and copying.returncode == 0:
                self.recipe.distinguish(target)
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
        manifest = Manifest(sources=self.sources, files=_hashes(aside / _TREE))
        files.write(aside / _MANIFEST, msgspec.json.encode(manifest))
        commands.run(["sync", "--file-system", str(aside)])
        aside.rename(self.path)

    def _is_whole(self) -> bool:
        with suppress(OSError, msgspec.DecodeError):
            known = msgspec.json.decode((self.path / _MANIFEST).read_bytes(), type=Manifest)
            return known.sources == self.sources and known.files == _hashes(self.path / _TREE)
        return False

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


def _hashes(tree: Path) -> dict[str, str]:
    found = {}
    for directory, _, names in os.walk(tree):
        place = Path(directory)
        found[str(place.relative_to(tree))] = ""
        for name in names:
            with (place / name).open("rb") as file:
                found[str((place / name).relative_to(tree))] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
