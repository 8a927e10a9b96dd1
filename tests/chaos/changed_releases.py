"""Releases of the agent with something changed in them, put where an installation has its own."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from common import releases
from tests.installation import BIN, Installation
from trove.releases import building, installing

PRESENT = BIN.parent / "share" / "trove" / "agent"


def add(made: Installation, change: Callable[[Path], None], scratch: Path) -> str:
    """Its hash. ``change`` is given the directory of the agent's package in a copy of the present release."""
    aside = scratch / "changed"
    shutil.copytree(PRESENT, aside)
    before = releases.read(aside)
    (aside / releases.MANIFEST).unlink()
    change(aside / "lib" / "troveguest")
    target = building.Target(before.engine, before.python, before.arch)
    building.finish(aside, version=before.version, contract=before.contract, target=target, licences=before.licences)
    found = installing.install(aside, made.state / "releases")
    shutil.rmtree(aside)
    return found.name


def at_start(package: Path, line: str) -> None:
    """Has the agent do this before anything else when it begins to serve."""
    service = package / "service.py"
    service.write_text(f"{line}\n{service.read_text()}")


def versioned(version: str) -> Callable[[Path], None]:
    def change(package: Path) -> None:
        init = package / "__init__.py"
        init.write_text(f'{init.read_text()}\n__version__ = "{version}"\n')

    return change


def damage(made: Installation, release: str, line: str) -> None:
    """Changes one file of an installed release, byte code and all, and leaves the rest as it is."""
    package = made.state / "releases" / release / "lib" / "troveguest"
    at_start(package, line)
    for compiled in (package / "__pycache__").glob("service.*.pyc"):
        os.unlink(compiled)
