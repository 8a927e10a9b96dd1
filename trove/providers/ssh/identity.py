"""The key that the installation logs in to hosts with: ed25519, made once, without a passphrase."""

import contextlib
import fcntl
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

from common.errors import HostFailed


def ensure(file: Path, comment: str) -> Path:
    """The private key ``file`` (0600), with its public half in ``file``.pub; made where it is missing.

    Raises HostFailed.
    """
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with _alone(file.parent):
        if not file.exists():
            _make(file, comment)
    return file


def public(file: Path) -> str:
    """The line for ``authorized_keys`` of a host's login. Raises HostFailed for a file that is no key of OpenSSH."""
    if _public(file).exists():
        return _public(file).read_text().strip()
    return _keygen("-y", "-P", "", "-f", str(file)).strip()


def _make(file: Path, comment: str) -> None:
    aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        _keygen("-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(aside))
        _public(aside).rename(_public(file))
        aside.rename(file)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """A control plane and a command may both need the first one."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _public(file: Path) -> Path:
    return file.with_name(f"{file.name}.pub")


def _keygen(*words: str) -> str:
    try:
        ended = subprocess.run(["ssh-keygen", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               check=False)
    except FileNotFoundError:
        raise no_client() from None
    if ended.returncode:
        raise HostFailed(f"The key for hosts cannot be had: {(ended.stderr or ended.stdout).strip()[-500:]}",
                         "Look at identity_file in section [hosts].")
    return ended.stdout


def no_client() -> HostFailed:
    return HostFailed("The SSH client is not installed on this machine.", "Run: apt-get install openssh-client")
