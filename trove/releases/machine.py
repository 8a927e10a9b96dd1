"""A machine made ready for instances: a link to the command of a release, and what restores the instances at boot.

Like ``installing``, it runs on machines that have nothing of ours. What it makes outside of ``TOP`` is written down
there; ``trove-guestagent uninstall`` goes by that.
"""

import contextlib
import dataclasses
import json
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from common.errors import Conflict, HostFailed, Invalid, NotFound
from common.releases import Manifest, read

from . import installing, pruning

TOP = Path("/var/lib/troveguest")
"""Everything else is in it: releases, instances, volumes."""
LINK = Path("/usr/local/bin/trove-guestagent")
INSTALLED = "installed.json"
"""In ``TOP``: the paths outside of it, as a list."""

PACKAGES = {
    "python3": ("python3",), "runit": ("runsvdir", "runsv", "svlogd"), "xfsprogs": ("mkfs.xfs", "xfs_growfs"),
    "mount": ("mount", "umount", "losetup"), "util-linux": ("setpriv", "setsid"),
    "passwd": ("useradd", "usermod", "userdel", "groupdel"),
}
"""Debian's packages, and what instances need of them."""
_NUMBERS = Path("/run/trove-accounts.lock")
"""Where placing notes which account it made last; gone with the next boot, too."""
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")

_UNIT = Path("/etc/systemd/system/trove-guestagent.service")
_ENABLED = Path("/etc/systemd/system/multi-user.target.wants/trove-guestagent.service")
_UNIT_TEXT = f"""\
[Unit]
Description=Restores the database instances of this machine
After=local-fs.target network-online.target
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={LINK} restore

[Install]
WantedBy=multi-user.target
"""
_SERVICE = Path("/etc/sv/trove-guestagent")
_SERVICE_TEXT = f"""\
#!/bin/sh
# runsv(8) is told to start this once: it has no more to do until the next boot.
exec 2>&1
printf o >supervise/control
exec {LINK} restore
"""
_LOADING = (("systemctl", "daemon-reload"), ("systemctl", "start", "--no-block", _UNIT.name))


@dataclasses.dataclass(frozen=True)
class Boot:
    """What restores the instances at boot: what is made for that, ``owned`` removed as a whole, and then run."""

    sentence: str
    owned: tuple[Path, ...] = ()
    files: Mapping[Path, str] = dataclasses.field(default_factory=dict)
    links: Mapping[Path, Path] = dataclasses.field(default_factory=dict)
    commands: tuple[tuple[str, ...], ...] = ()


def top(root: str = "/") -> Path:
    """Where everything is, on the machine whose file system is below ``root``."""
    return _below(root, TOP)


def releases(root: str = "/") -> Path:
    return top(root) / "releases"


def check(manifest: Manifest, root: str = "/") -> None:
    """Raises HostFailed or Conflict for what stands in the way of such a release, with the command that mends it."""
    if os.geteuid() != 0:
        raise HostFailed("Only root may install the agent on a machine.", "Put sudo before the command.")
    path = ":".join(f"{root}/{directory}" for directory in _PATH)
    missing = {package: lacking for package, programs in PACKAGES.items()
               if (lacking := [program for program in programs if shutil.which(program, path=path) is None])}
    if missing:
        programs = ", ".join(program for lacking in missing.values() for program in lacking)
        raise HostFailed(f"This machine lacks {programs}.",
                         f"Install them: apt-get install --no-install-recommends {' '.join(missing)}")
    installing.check_target(manifest)
    python = _below(root, Path(installing.INTERPRETER)).resolve().name
    if python != f"python{manifest.python}":
        raise HostFailed(f"The agent's release is for Python {manifest.python}, and {root} has {python}.",
                         "Build one for it: trovectl agent build --python VERSION.")
    link = _below(root, LINK)
    if os.path.lexists(link) and not _is_ours(link):
        raise Conflict(f"{link} is there and is not ours.", "Move it away.")


def is_ready(root: str = "/") -> bool:
    """Whether some release was set up there, to its end."""
    return _below(root, LINK).is_symlink() and (top(root) / INSTALLED).exists()


def setup(release: str, root: str = "/") -> list[str]:
    """Makes the machine whose file system is below ``root`` run from ``release``, a hash that is installed there.

    It goes on with a newer one that it runs from: an older one may not know how to restore what that placed.

    Sentences that say how it is now, and which releases went, as nobody needs them any more. Asked again, it puts right
    what is not so. Raises what ``check`` raises, NotFound where there is no such release.
    """
    if not (releases(root) / release).is_dir():
        raise NotFound(f"There is no release {release} in {releases(root)}.", "Install it: sh FILE install.")
    manifest = read(releases(root) / release)
    check(manifest, root)
    boot = decide(Path(root, "run/systemd/system").is_dir(), [] if Path(root) != Path("/") else list(_watched()),
                  _below(root, Path("/usr/lib/systemd/systemd")).exists())
    chosen = max((manifest, *_linked(root)), key=_age)
    links = {LINK: TOP / "releases" / chosen.total / installing.PROGRAM, **boot.links}
    top(root).chmod(0o711)
    # before any of it is there, so that it can be taken away at any moment
    _note(top(root) / INSTALLED, [*links, *boot.owned, _NUMBERS])
    for path, text in boot.files.items():
        _write(_below(root, path), text, 0o755 if text.startswith("#!") else 0o644)
    for path, target in links.items():
        _link(_below(root, path), target)
    for command in boot.commands:
        _run(*command)
    said = [f"{LINK} is version {chosen.version} of the agent, release {chosen.total}.", boot.sentence]
    for old in pruning.unneeded(top(root), time.time()):
        shutil.rmtree(old)
        said.append(f"The release {old.name} is removed, as no instance runs from it.")
    return said


def _linked(root: str) -> Iterator[Manifest]:
    """Of the release that the machine runs from, if it is whole."""
    link = _below(root, LINK)
    with contextlib.suppress(Invalid):
        if link.is_symlink():
            yield read(releases(root) / link.readlink().parents[1].name)


def _age(manifest: Manifest) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", f"{manifest.contract} {manifest.version}")]


def decide(is_systemd: bool, watched: Sequence[Path], has_systemd: bool) -> Boot:
    """By what instances are restored: systemd where it runs, else the runit that watches these directories, else
    systemd where it is only there, as in an image.
    """
    if watched and not is_systemd:
        links = {directory / _SERVICE.name: _SERVICE for directory in watched}
        return Boot(f"runit restores the instances at boot: {_SERVICE}.", (_SERVICE,),
                    {_SERVICE / "run": _SERVICE_TEXT}, links)
    if is_systemd or has_systemd:
        return Boot(f"systemd restores the instances at boot: {_UNIT.name}.", (_UNIT,), {_UNIT: _UNIT_TEXT},
                    {_ENABLED: _UNIT}, _LOADING if is_systemd else ())
    return Boot("Nothing restores the instances at boot, as neither systemd nor runit runs here. "
                f"Let something run: {LINK} restore")


def _note(file: Path, paths: Iterable[Path]) -> None:
    """Adds to what the file lists."""
    known = json.loads(file.read_bytes()) if file.exists() else []
    _write(file, json.dumps(list(dict.fromkeys([*known, *map(str, paths)]))), 0o644)


def _watched() -> Iterator[Path]:
    """Directories that a runsvdir of this machine's root watches; an instance's own is none of them."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended
            words = (process / "cmdline").read_text(errors="replace").split("\0")
            directories = [Path(word) for word in words[1:] if word.startswith("/")]
            if (Path(words[0]).name == "runsvdir" and process.stat().st_uid == 0 and directories
                    and (process / "root").samefile("/") and not (directories[0].parent / "place.json").exists()):
                yield directories[0]


def _is_ours(link: Path) -> bool:
    return link.is_symlink() and link.readlink().is_relative_to(TOP)


def _below(root: str, path: Path) -> Path:
    return Path(root, path.relative_to("/"))


def _link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    aside = _aside(path)
    aside.symlink_to(target)
    aside.rename(path)


def _write(path: Path, text: str, mode: int) -> None:
    aside = _aside(path)
    aside.write_text(text)
    aside.chmod(mode)
    aside.rename(path)


def _aside(path: Path) -> Path:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _run(*command: str) -> None:
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise HostFailed(f"{' '.join(command)} failed with {ended.returncode}: {ended.stderr.strip()[-500:]}")
