"""Puts a release of the agent where instances run from it: verified, under its hash, byte-compiled there.

This module travels in the one file (``archive``) and to hosts, and runs on machines that have nothing of ours: it
stands on the standard library, on ``common.errors`` and on ``common.releases``, which every release has.
"""

import json
import os
import secrets
import shutil
import subprocess
import zipfile
from pathlib import Path

from common.errors import HostFailed, Invalid
from common.releases import COMPILED, MANIFEST, Manifest, Source, hashes, read, verify

PROGRAM = Path("bin", "trove-guestagent")
RELEASE, KIT = "release", "selftest"
"""Directories in the one file: the release, and what its self-test needs beside that, as it lies in ``lib``."""
INTERPRETER = "/usr/bin/python3"

# Unchecked: a release is never edited, so no start has to look at the sources.
_COMPILE = """
import compileall, py_compile, sys
sys.exit(not compileall.compile_dir(sys.argv[1], quiet=2, stripdir=sys.argv[1], force=True,
                                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH))
"""


def install(source: Source, releases: Path, wanted: str | None = None) -> Path:
    """``releases/<hash>``, verified; put there where it is missing, or damaged by a power cut.

    Raises Invalid for a release that is damaged, or whose hash is not ``wanted``; HostFailed for one that is made for
    another machine.
    """
    manifest = read(source)
    if wanted not in (None, manifest.total):
        raise Invalid(f"The release {source} has the hash {manifest.total} and not {wanted}.", "Send it again.")
    target = releases / manifest.total
    try:
        verify(target)
    except Invalid:
        _put(source, manifest, target)
    return target


def set_modes(release: Path) -> None:
    """Everybody may read and nobody but the owner write, whatever the umask."""
    for path in (release, *release.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path == release / PROGRAM else 0o644)


def _put(source: Source, manifest: Manifest, target: Path) -> None:
    is_damaged = target.exists()
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    aside, damaged = (target.with_name(f".{target.name}.{secrets.token_hex(4)}") for _ in range(2))
    try:
        _copy(source, manifest, aside)
        if verify(aside) != manifest:  # whoever can write to the source might have changed all of it meanwhile
            raise Invalid(f"The release {source} was changed while it was read.", "Send it again.")
        _compile(manifest, aside)
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


def _copy(source: Source, manifest: Manifest, aside: Path) -> None:
    """What the manifest names and nothing else."""
    for name in (MANIFEST, *manifest.files):
        path = aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes((source / name).read_bytes())
        except (FileNotFoundError, KeyError, zipfile.BadZipFile):
            raise Invalid(f"The release {source} is damaged: {name} cannot be read.", "Build it anew.") from None
    set_modes(aside)


def check_target(manifest: Manifest) -> None:
    """Raises HostFailed where the release is made for another machine."""
    machine = f"Python {_version_of_interpreter()} on {os.uname().machine}"
    if machine != (meant := f"Python {manifest.python} on {manifest.arch}"):
        raise HostFailed(f"The agent's release is for {meant}, and this machine has {machine}.",
                         "Build one for it: trovectl agent build --python VERSION --arch MACHINE.")


def _compile(manifest: Manifest, release: Path) -> None:
    """Byte-compiles by the interpreter that the agent will run under, and notes what came of it."""
    check_target(manifest)
    ended = _python(_COMPILE, str(release / "lib"))
    if ended.returncode:
        raise HostFailed(f"The agent's release cannot be byte-compiled: {ended.stderr.strip()[-500:]}",
                         "Is there room on the disk?")
    compiled = {name: digest for name, digest in hashes(release) if name not in manifest.files}
    (release / COMPILED).write_text(json.dumps(compiled, indent=1, sort_keys=True))
    set_modes(release)


def _version_of_interpreter() -> str:
    return _python("import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()


def _python(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run([INTERPRETER, "-IS", "-c", program, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise HostFailed(f"The agent's interpreter {INTERPRETER} is not there.", "Install python3.") from None
