"""Host keys: what a machine shows, and how people compare it."""

import base64
import binascii
import hashlib
import itertools
import subprocess

from common.errors import Invalid, Unreachable

from .identity import no_client

PREFERRED = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "ssh-rsa")
_PATIENCE = 5


def offered(address: str, port: int) -> str:
    """The best key that the machine shows, as ``TYPE BASE64``. Nothing vouches for it yet. Raises Unreachable."""
    try:
        ended = subprocess.run(
            ["ssh-keyscan", "-T", str(_PATIENCE), "-p", str(port), "-t", "ed25519,ecdsa,rsa", address],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise no_client() from None
    keys = [line.split(maxsplit=1)[1] for line in ended.stdout.splitlines() if not line.startswith("#")]
    if not keys:
        raise Unreachable(f"No SSH server answers at {address}, port {port}.",
                          "Look whether the machine is up, its sshd runs, and nothing filters the port.")
    return min(keys, key=lambda key: PREFERRED.index(key.split()[0]))


def parsed(text: str) -> str:
    """``TYPE BASE64`` out of a line of a .pub file or of known_hosts. Raises Invalid."""
    words = text.split()
    for kind, blob in itertools.pairwise(words):
        if kind in PREFERRED and _decoded(blob) is not None:
            return f"{kind} {blob}"
    raise Invalid("That is no public host key.", "Give the content of /etc/ssh/ssh_host_ed25519_key.pub.")


def fingerprint(key: str) -> str:
    """Of ``TYPE BASE64``, as ``ssh-keygen -l`` prints it on the machine itself."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _decoded(blob: str) -> bytes | None:
    try:
        return base64.b64decode(blob, validate=True)
    except binascii.Error:
        return None
