"""The command line of the one file: what it holds is looked at, tried, or installed on this machine."""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from common import releases
from common.errors import NotFound, TroveError
from common.releases import Source

from . import installing, machine
from .installing import KIT, PROGRAM, RELEASE

USAGE = """\
usage: FILE COMMAND

  install [--root DIRECTORY]
                     set this machine up for instances, or bring it to this release; with --root the file system
                     below DIRECTORY, an image's say, where nothing is started
  uninstall [--with-instances]
                     take away all that was installed; says no while instances are placed here
  unpack DIRECTORY   put the release into DIRECTORY/releases/<hash>, byte-compile it there, print where it is
  selftest           try the agent here, with an engine in memory; leaves nothing
  verify             look whether this file is as it was built
  version            print what is in this file
"""
_USAGE_FAULT = 64
"""As sysexits.h has it."""


class Misused(Exception):
    """The words behind the command make no sense."""


def _install(source: Source, words: Sequence[str]) -> str:
    if words and (len(words) != 2 or words[0] != "--root"):
        raise Misused
    root = words[1] if words else "/"
    machine.check(releases.read(source), root)
    return "\n".join(machine.setup(installing.install(source, machine.releases(root)).name, root))


def _uninstall(source: Source, words: Sequence[str]) -> NoReturn:
    """The installed release does that, by its own account of what there is."""
    if not machine.LINK.exists():
        raise NotFound("The agent is not installed here.")
    os.execv(machine.LINK, [str(machine.LINK), "uninstall", *words])  # noqa: S606


def _unpack(source: Source, words: Sequence[str]) -> str:
    if len(words) != 1:
        raise Misused
    return str(installing.install(source, Path(words[0]).absolute() / "releases"))


def _selftest(source: Source, words: Sequence[str]) -> NoReturn:
    """Ends with the exit code of the agent's own command, which says how it went."""
    _none(words)
    assert isinstance(source, zipfile.Path)
    with tempfile.TemporaryDirectory(prefix="trove-") as scratch:
        library = installing.install(source, Path(scratch)) / "lib"
        for name in source.root.namelist():
            if name.startswith(f"{KIT}/") and not name.endswith("/"):
                path = library / name.removeprefix(f"{KIT}/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(source.root.read(name))
        sys.exit(subprocess.run([library.parent / PROGRAM, "selftest"], check=False).returncode)


def _verify(source: Source, words: Sequence[str]) -> str:
    _none(words)
    return f"This file is as it was built; the release in it is {releases.read(source).total}."


def _version(source: Source, words: Sequence[str]) -> str:
    _none(words)
    told = releases.read(source)
    return (f"trove-guestagent {told.version}, contract {told.contract}, engine {told.engine}, "
            f"for Python {told.python} on {told.arch}")


def _none(words: Sequence[str]) -> None:
    if words:
        raise Misused


_COMMANDS: dict[str, Callable[[Source, Sequence[str]], str]] = {
    "install": _install, "uninstall": _uninstall, "unpack": _unpack, "selftest": _selftest, "verify": _verify,
    "version": _version}


def main(file: str, arguments: Sequence[str]) -> int:
    """The one file's command line; its content has been verified. The exit code."""
    command, *words = arguments or ["--help"]
    if command in ("--help", "-h", "help"):
        sys.stdout.write(USAGE)
        return 0
    try:
        if command not in _COMMANDS:
            raise Misused
        with zipfile.ZipFile(file) as opened:
            said = _COMMANDS[command](zipfile.Path(opened, f"{RELEASE}/"), words)
    except Misused:
        sys.stderr.write(USAGE)
        return _USAGE_FAULT
    except TroveError as error:
        sys.stderr.write(f"{error.sentence()}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or file}: {error.strerror}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0
