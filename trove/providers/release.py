"""Releases of the agent: what instances run from, and never the checkout.

::

    <release>/
      bin/trove-guestagent    starts with the system's interpreter, without its site-packages
      lib/                    troveguest, common and the libraries they need, byte-compiled
      manifest.json           version, SHA-256 of every file, and one over them all

``python -m trove.providers.release TARGET --wheel FILE … --requirements FILE`` builds one; that takes pip.
"""

import argparse
import compileall
import hashlib
import importlib.metadata
import os
import py_compile
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from common.errors import HostFailed, Invalid

PROGRAM = Path("bin", "trove-guestagent")
MANIFEST = "manifest.json"

_STUB = '''\
#!/usr/bin/python3 -IS
"""Starts the agent from the release that this file is in, with nothing of the system's but the standard library."""

import os.path
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "lib"))

from troveguest.cli import main

sys.exit(main())
'''


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``files`` maps paths in the release to their SHA-256; ``total`` is over all of them and names the release."""

    version: str
    files: dict[str, str]
    total: str


def build(target: Path, wheels: Sequence[Path], requirements: Path, python: str = sys.executable) -> Manifest:
    """Makes a release in ``target``, which is replaced as a whole. Raises HostFailed with pip's last words."""
    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        library = aside / "lib"
        library.mkdir(parents=True)
        _pip(python, library, "--require-hashes", "--requirement", str(requirements))
        _pip(python, library, "--no-index", *map(str, wheels))
        _strip(library)
        manifest = finish(aside)
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def finish(release: Path) -> Manifest:
    """Gives a directory with ``lib/`` its program, byte code, modes and manifest."""
    library = release / "lib"
    (release / PROGRAM).parent.mkdir(exist_ok=True)
    (release / PROGRAM).write_text(_STUB)
    # Unchecked: a release is never edited, so no start has to look at the sources.
    compileall.compile_dir(library, quiet=2, stripdir=str(library), force=True,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    for path in release.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path == release / PROGRAM else 0o644)
    release.chmod(0o755)
    files = dict(_hashes(release))
    manifest = Manifest(version=_version(library), files=files, total=_total(files))
    (release / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    (release / MANIFEST).chmod(0o644)
    return manifest


def read(release: Path) -> Manifest:
    """The manifest as it stands. Raises Invalid where there is none."""
    try:
        return msgspec.json.decode((release / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise Invalid(f"{release} is no release of the agent: {error}.",
                      "Build one: python -m trove.providers.release.") from None


def verify(release: Path) -> Manifest:
    """The manifest, once every file agrees with it. Raises Invalid naming a file that does not."""
    manifest = read(release)
    found = dict(_hashes(release))
    for name in sorted(found.keys() | manifest.files.keys()):
        if found.get(name) != manifest.files.get(name):
            raise Invalid(f"The release {release} is damaged: {name} is not what its manifest says.", "Build it anew.")
    if manifest.total != _total(found):
        raise Invalid(f"The release {release} is damaged: its manifest contradicts itself.", "Build it anew.")
    return manifest


def install(release: Path, releases: Path) -> Path:
    """``releases/<hash>``, verified; copied there where it is missing, or damaged by a power cut. Raises Invalid."""
    target = releases / read(release).total
    try:
        verify(target)
    except Invalid:
        _copy(release, target)
        verify(target)
    return target


def _copy(release: Path, target: Path) -> None:
    is_damaged = target.exists()
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    aside, damaged = (target.with_name(f".{target.name}.{secrets.token_hex(4)}") for _ in range(2))
    try:
        shutil.copytree(release, aside)
        verify(aside)
        if is_damaged:
            target.rename(damaged)
        try:
            aside.rename(target)
        except OSError:
            if not target.exists():  # else somebody was faster, with the same files
                raise
    finally:
        for path in (aside, damaged):
            shutil.rmtree(path, ignore_errors=True)


def _pip(python: str, library: Path, *words: str) -> None:
    command = [python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--no-compile", "--upgrade", "--target", str(library), *words]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise HostFailed(f"The agent's release could not be built: {ended.stderr.strip()[-1000:]}",
                         "Its libraries come from a package index: is there a network?")


def _strip(library: Path) -> None:
    """Takes out what pip notes of the machine that built this; the manifest says better what is in it."""
    shutil.rmtree(library / "bin", ignore_errors=True)
    for pattern in ("direct_url.json", "RECORD", "REQUESTED", "INSTALLER"):
        for path in library.glob(f"*.dist-info/{pattern}"):
            path.unlink()


def _hashes(release: Path) -> Iterator[tuple[str, str]]:
    for directory, _, names in sorted(os.walk(release)):
        for name in sorted(names):
            path = Path(directory, name)
            if path != release / MANIFEST:
                yield str(path.relative_to(release)), hashlib.sha256(path.read_bytes()).hexdigest()


def _total(files: dict[str, str]) -> str:
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in sorted(files.items())).encode()).hexdigest()


def _version(library: Path) -> str:
    found = importlib.metadata.distributions(name="troveguest", path=[str(library)])
    return next((distribution.version for distribution in found), "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m trove.providers.release", description="Builds an agent release.")
    parser.add_argument("target", type=Path)
    parser.add_argument("--wheel", type=Path, action="append", required=True, help="ours; give it once for each")
    parser.add_argument("--requirements", type=Path, required=True, help="the agent's libraries, with hashes")
    arguments = parser.parse_args()
    try:
        manifest = build(arguments.target, arguments.wheel, arguments.requirements)
    except HostFailed as error:
        print(error.sentence(), file=sys.stderr)  # noqa: T201
        return 1
    print(f"{arguments.target}: {manifest.version} {manifest.total}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
