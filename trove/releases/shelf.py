"""The releases that an installation has, each under its hash: what its instances run from, here and on hosts."""

import os
import secrets
import shutil
import sys
from pathlib import Path

from common.releases import Manifest

from . import building, installing
from .building import Target
from .sources import Sources

HERE = Target(building.ALL, "{}.{}".format(*sys.version_info), os.uname().machine)


def add(releases: Path, sources: Sources, target: Target) -> Manifest:
    """Builds one and puts it there, byte-compiled where it is for this machine. Raises Invalid, HostFailed."""
    aside = releases / f".built.{secrets.token_hex(4)}"
    try:
        manifest = building.build(aside, sources, target)
        if (target.python, target.arch) == (HERE.python, HERE.arch):
            installing.install(aside, releases)
        elif not (releases / manifest.total).exists():
            aside.rename(releases / manifest.total)
        os.utime(releases / manifest.total)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest
