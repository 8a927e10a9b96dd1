"""Builds a release of the agent: own code and locked libraries for one engine or all, and for one kind of target.

Two builds of the same sources are the same, byte for byte, wherever and whenever they are made.
"""

import dataclasses
import json
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from common import releases
from common.datastores import ENGINES
from common.errors import Invalid

from . import installing, libraries
from .installing import PROGRAM
from .libraries import Wheel
from .sources import Sources

ALL = "all"
KIT = "conformance"
"""The agent's package with which ``selftest`` tries it; no release has it."""
_KIT = {"troveguest": (KIT, "datastores/fake", "host/fake.py"), "common": ("datastores/fake.py",)}
"""What a self-test needs beside the release of any engine."""
_NEVER = {"troveguest": (KIT, "oslo_options.py"), "common": (
    "datastores/mariadb_collations.py", "datastores/mysql_collations.py", "datastores/mysqlfamily_collations.py")}
"""What is for tests, tools and the control plane alone: no release has it. The sources may be of another release, so
each of these names must mean the same in all."""
_FAMILIES = {"mysqlfamily": ("mariadb", "mysql")}
"""What engines share, by its name: in the releases of these alone."""
_ENGINES_IN = ("datastores", "host")
"""Directories of a package whose modules are there for one engine when they are called by its name."""

_STUB = '''\
#!/usr/bin/python3 -IS
"""Starts the agent from the release that this file is in, with nothing of the system's but the standard library."""

import os.path
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "lib"))

from troveguest.cli import main

code = main()
for stream in (sys.stdout, sys.stderr):
    stream.flush()
os._exit(code)  # to take all that was loaded apart takes longer than many a command
'''


@dataclass(frozen=True)
class Target:
    """What a release is for: an engine or ``ALL``, a version of Python such as 3.11, a machine such as x86_64."""

    engine: str
    python: str
    arch: str

    def engines(self) -> tuple[str, ...]:
        """Raises Invalid for an engine that there is not."""
        if self.engine not in (*ENGINES, ALL):
            raise Invalid(f"There is no engine {self.engine!r}.", f"Choose one of: {', '.join((*ENGINES, ALL))}.")
        return ENGINES if self.engine == ALL else (self.engine,)


def build(release: Path, sources: Sources, target: Target) -> releases.Manifest:
    """Makes ``release``, which is replaced as a whole; what stands there and is none is left alone.

    Raises Invalid, and HostFailed with pip's last words.
    """
    if release.exists() and not _is_release(release):
        raise Invalid(f"{release} is there and is no release of the agent.", "Choose another --output, or remove it.")
    engines = target.engines()
    release.parent.mkdir(parents=True, exist_ok=True)
    aside = release.with_name(f".{release.name}.{secrets.token_hex(4)}")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            wheels = libraries.download(sources.locked, target.python, target.arch, Path(scratch))
            manifest = assemble(aside, sources, libraries.needed(wheels, sources.asks, engines), target)
        shutil.rmtree(release, ignore_errors=True)
        aside.rename(release)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def assemble(release: Path, sources: Sources, wheels: Sequence[Wheel], target: Target) -> releases.Manifest:
    """Puts code, libraries, program and manifest into the directory ``release``, which is not there yet."""
    library = release / "lib"
    engines = target.engines()
    left_out = (*(engine for engine in ENGINES if engine not in engines),
                *(family for family, shared in _FAMILIES.items() if not {*shared} & {*engines}))
    for name, directory in sources.packages.items():
        shutil.copytree(directory, library / name, copy_function=shutil.copyfile, ignore=_ignore(directory, left_out))
    for wheel in wheels:
        wheel.unpack(library)
    return finish(release, version=sources.version(), contract=sources.contract(), target=target,
                  licences=[wheel.licence() for wheel in wheels])


def finish(release: Path, *, version: str, contract: str, target: Target,
           licences: list[dict[str, str]]) -> releases.Manifest:
    """Gives a directory with ``lib/`` its program, modes and manifest."""
    (release / PROGRAM).parent.mkdir(exist_ok=True)
    (release / PROGRAM).write_text(_STUB)
    files = dict(sorted(releases.hashes(release)))
    manifest = releases.Manifest(version=version, contract=contract, **dataclasses.asdict(target), licences=licences,
                        files=files, total=releases.total(files))
    (release / releases.MANIFEST).write_text(json.dumps(dataclasses.asdict(manifest), indent=1) + "\n")
    installing.set_modes(release)
    return manifest


def kit(sources: Sources) -> dict[str, Path]:
    """The files that ``selftest`` needs, by their places in ``lib`` of a release."""
    found = {}
    for owner, names in _KIT.items():
        package = sources.packages[owner]
        for root in (package / name for name in names):
            for file in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
                found[f"{owner}/{file.relative_to(package)}"] = file
    return found


def _is_release(directory: Path) -> bool:
    """By what its manifest says: others have files of that name too."""
    try:
        releases.read(directory)
    except Invalid:
        return False
    return True


def _ignore(package: Path, engines: Sequence[str]) -> Callable[[str, list[str]], set[str]]:
    """For copytree: byte code, what is in ``_NEVER``, and modules and packages of the ``engines`` that are left out."""
    never = {package / name for name in _NEVER.get(package.name, ())}
    plugged = {package / name for name in _ENGINES_IN}

    def ignore(directory: str, names: list[str]) -> set[str]:
        return {name for name in names if name == "__pycache__" or Path(directory, name) in never
                or (Path(directory) in plugged and Path(name).stem.partition("_")[0] in engines)}

    return ignore
