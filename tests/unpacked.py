"""A server that no package of this machine's release has: Debian's of a later one, unpacked and not installed.

It comes from the archive that apt is set up to take Debian from, with the libraries that it was built for, and is run
by their loader. Made once a machine, kept outside the checkout.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SUITE, PACKAGE = "sid", "mysql-server-core"
_NEEDLESS = ("perl", "libperl", "libc-gconv")
"""Packages that the server itself does not use begin so."""
_START = """\
#!/bin/sh
top=$(dirname "$(readlink -f "$0")")/..
exec "$top"/lib64/ld-linux-x86-64.so.2 --library-path "$top"/lib/x86_64-linux-gnu "$top"/libexec/mysqld "$@"
"""
_SECONDS = 300


def mysql() -> Path:
    """A directory in which MySQL's programs are. Skips where they cannot be got."""
    recipe = hashlib.sha256(repr((SUITE, PACKAGE, _NEEDLESS, _START)).encode()).hexdigest()[:12]
    cache = Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache"
    root = cache / "trove-test-mysql" / recipe
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            for old in root.parent.glob("*/"):
                shutil.rmtree(old)
            unfinished = root.with_suffix(".unfinished")
            _make(unfinished)
            unfinished.rename(root)
    return root


def _make(root: Path) -> None:
    for directory in ("lists/partial", "cache/archives/partial"):
        (root / directory).mkdir(parents=True)
    (root / "status").touch()
    (root / "sources.list").write_text(f"deb {_archive()} {SUITE} main\n")
    places = {"Dir::Etc::sourcelist": "sources.list", "Dir::State::lists": "lists", "Dir::State::status": "status",
              "Dir::Cache": "cache"}
    words = [f"--option={name}={root / place}" for name, place in places.items()]
    words += ["--option=Dir::Etc::sourceparts=-", "--option=Debug::NoLocking=1", "--quiet", "--quiet", "--yes"]
    _run("apt-get", *words, "update")
    _run("apt-get", *words, "--download-only", "--no-install-recommends", "install", PACKAGE)
    for package in sorted((root / "cache/archives").glob("*.deb")):
        if not package.name.startswith(_NEEDLESS):
            _run("dpkg-deb", "--extract", str(package), str(root))
    for leftover in ("lists", "cache"):
        shutil.rmtree(root / leftover)
    server = root / "usr/sbin/mysqld"
    (root / "usr/libexec").mkdir()
    server.rename(root / "usr/libexec/mysqld")
    server.write_text(_START)
    server.chmod(0o755)
    root.chmod(0o755)


def _archive() -> str:
    """Where apt takes Debian itself from."""
    told = _run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian",
                "Label: Debian")
    if not told:
        pytest.skip("apt of this machine takes no packages from Debian's archive, or was never updated")
    return told.splitlines()[0]


def _run(*command: str) -> str:
    """What it prints. Skips when it fails: the archive is somebody else's, and may not be reached."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS,
                          check=False, env=os.environ | {"LC_ALL": "C.UTF-8"})
    if done.returncode:
        pytest.skip(f"MySQL cannot be got from Debian's archive: {command[0]} says {done.stderr.strip()[-300:]}")
    return done.stdout
