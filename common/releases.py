"""Releases of the agent, as both sides look at them: what a manifest says, and whether every file agrees with it.

The standard library alone: this also runs on machines that have nothing of ours.
"""

import dataclasses
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from .errors import Invalid

MANIFEST, COMPILED = "manifest.json", "compiled.json"

Source = Path | zipfile.Path


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """``python`` is a version such as 3.11 and ``arch`` a machine such as x86_64; ``engine`` may be ``all``.

    ``licences`` has a name, a version and a licence per library; ``files`` maps paths in the release to their SHA-256;
    ``total`` is over all of them and names the release.
    """

    version: str
    contract: str
    engine: str
    python: str
    arch: str
    licences: list[dict[str, str]]
    files: dict[str, str]
    total: str


def read(release: Source) -> Manifest:
    """The manifest as it stands. Raises Invalid where there is none, or none that can be."""
    try:
        manifest = Manifest(**json.loads((release / MANIFEST).read_bytes()))
        parts = [Path(name).parts for name in manifest.files]
        agrees = manifest.total == total(manifest.files)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise Invalid(f"{release} is no release of the agent: {error}.", "Build one: trovectl agent build.") from None
    if not agrees or any(".." in each or "/" in each for each in parts):
        raise Invalid(f"The release {release} is damaged: its manifest contradicts itself.", "Build it anew.")
    return manifest


def verify(release: Path) -> Manifest:
    """The manifest, once every file agrees with it. Raises Invalid naming a file that does not."""
    manifest = read(release)
    wanted = _compiled(release) | manifest.files
    found = dict(hashes(release))
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            raise Invalid(f"The release {release} is damaged: {name} is not what its manifest says.", "Build it anew.")
    return manifest


def total(files: dict[str, str]) -> str:
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in sorted(files.items())).encode()).hexdigest()


def hashes(release: Path) -> Iterator[tuple[str, str]]:
    """Path and SHA-256 of every file but the two that list them."""
    for directory, _, names in os.walk(release):
        for name in names:
            path = Path(directory, name)
            if path not in (release / MANIFEST, release / COMPILED):
                yield str(path.relative_to(release)), hashlib.sha256(path.read_bytes()).hexdigest()


def _compiled(release: Path) -> dict[str, str]:
    """Byte code by its SHA-256, as it was when this release was installed; nothing in one that was not."""
    try:
        found: dict[str, str] = json.loads((release / COMPILED).read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise Invalid(f"The release {release} is damaged: {COMPILED} is not what its manifest says.",
                      "Build it anew.") from None
    return found
