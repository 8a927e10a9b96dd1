"""Which of the releases on a machine nobody needs any more.

Like ``installing``, it runs on machines that have nothing of ours.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

KEPT = 2
"""As many of the newest are kept, besides those that something links to."""
YOUNG = 3600.0
"""Seconds since it was last asked for, in which a release may be about to get an instance."""


def unneeded(root: Path, now: float) -> list[Path]:
    """The releases that nothing links to, but for the newest, and those that were asked for just now."""
    releases = {path: path.stat().st_mtime for path in (root / "releases").iterdir() if len(path.name) == 64}
    newest = sorted(releases, key=lambda path: releases[path])[-KEPT:]
    linked = set(_linked(root))
    return [path for path, used in releases.items()
            if path not in newest and path.name not in linked and now - used > YOUNG]


def _linked(root: Path) -> Iterator[str]:
    """Hashes of the releases that a link of an instance leads into, or one of the machine's own programs."""
    places = (*root.glob("instances/*"), *root.glob("instances/*/*"), Path("/usr/local/bin"))
    for link in (entry for place in places if place.is_dir() for entry in place.iterdir() if entry.is_symlink()):
        with contextlib.suppress(FileNotFoundError):  # renamed by its agent just now: what that tries is young
            yield from link.readlink().parts
