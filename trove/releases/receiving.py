"""The host's part of a delivery, as root: a release goes from the login's directory to where instances run from it.

Like ``installing``, which it stands on, it runs on machines that have nothing of ours.
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from common import releases
from common.errors import Invalid

from . import installing

KEPT = 2
"""As many of the newest are kept, besides those that an instance runs from."""
YOUNG = 3600.0
"""Seconds since it was last asked for, in which a release may be about to get an instance."""


def look(root: str, release: str) -> str | None:
    """Where it is, verified; None when it is not there, or damaged."""
    found = Path(root, "releases", release)
    try:
        releases.verify(found)
    except Invalid:
        return None
    os.utime(found)
    return str(found)


def receive(root: str, release: str, staging: str) -> str:
    """Where it is now: ``release`` is the hash that it must have. Others that nobody needs any more are removed.

    ``staging`` is a directory, perhaps below the home of a login (``~login/…``).
    Raises Invalid for a ``staging`` that holds another release, or none; nothing of it is run. HostFailed.
    """
    found = installing.install(Path(staging).expanduser(), Path(root, "releases"), release)
    os.utime(found)
    for old in unneeded(Path(root), time.time()):
        shutil.rmtree(old, ignore_errors=True)
    return str(found)


def unneeded(root: Path, now: float) -> list[Path]:
    """The releases that nothing links to, but for the newest, and those that were asked for just now."""
    there = {path: path.stat().st_mtime for path in (root / "releases").iterdir() if len(path.name) == 64}
    newest = sorted(there, key=lambda path: there[path])[-KEPT:]
    linked = set(_linked(root))
    return [path for path, used in there.items()
            if path not in newest and path.name not in linked and now - used > YOUNG]


def _linked(root: Path) -> Iterator[str]:
    """Hashes of the releases that a link of an instance leads into, or one of the machine's own programs."""
    places = (*root.glob("instances/*"), *root.glob("instances/*/*"), Path("/usr/local/bin"))
    for link in (entry for place in places if place.is_dir() for entry in place.iterdir() if entry.is_symlink()):
        yield from link.readlink().parts
