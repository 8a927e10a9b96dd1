"""Commands on other machines, by OpenSSH's client: one connection a host, which later commands share.

A command that has begun goes on when the connection is lost, and is asked for again: all of ours can be repeated. So a
lost connection is Unreachable, and says nothing about what became of the command.
"""

import hashlib
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from common.errors import DeadlinePassed, HostFailed, Refused, TroveError, Unreachable

from ..running import Ended
from .identity import no_client

CONNECT_PATIENCE = 5
ALIVE_EVERY, ALIVE_MISSED = 5, 3
"""Seconds, and how many answers may be missing until the connection is given up."""
SHARED_FOR = 60
"""Seconds that a connection is kept after its last command."""

_SSH_FAILED = 255
_NOT_FOUND = 127
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


class Login(Protocol):
    """``host_key`` is the one key that the machine may show, as ``TYPE BASE64``; ``name`` what people call it."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def user(self) -> str: ...
    @property
    def host_key(self) -> str: ...


class Transport:
    """``directory`` is private and short: a socket in it has a name of 33 bytes. ``identity`` gives our private key.
    ``on_answer`` is told the name of each host that a command came through to, and must not wait."""

    def __init__(self, directory: Path, identity: Callable[[], Path]) -> None:
        self._directory = directory
        self._identity = identity
        self.on_answer: Callable[[str], None] = lambda name: None

    def run(self, login: Login, command: Sequence[str], given: bytes, timeout: float, *, root: bool) -> Ended:
        """Runs it as the login, or as ``root`` by way of sudo.

        Raises Unreachable, DeadlinePassed after ``timeout`` seconds, Refused for a host key or a login that does not
        do, HostFailed for what the host lacks.
        """
        as_root = ["sudo", "-n", "--"] if root and login.user != "root" else []
        ended = self._call([*self._ssh(login), "--", login.address, shlex.join([*as_root, *command])], given, timeout,
                           login)
        if _is_missing(ended):
            raise _lacking(login, "sudo" if as_root and ended.code == _NOT_FOUND else Path(command[0]).name)
        if as_root and ended.code == 1 and _sudo_says(ended):
            raise Refused(
                f"The login {login.user} on the host {login.name} may not become root: {_line(ended)}",
                f"Put this into /etc/sudoers.d/trove there: {login.user} ALL=(root) NOPASSWD: ALL")
        return ended

    def copy(self, login: Login, options: Sequence[str], source: Path, target: str, timeout: float) -> str:
        """What rsync prints while it makes ``target``, below the login's home, the same as the directory ``source``.

        Raises as ``run`` does.
        """
        ended = self._call(["rsync", "-e", shlex.join(self._ssh(login)), *options, "--", f"{source}/",
                            f"{_bracketed(login.address)}:{target}/"], b"", timeout, login)
        if _is_missing(ended) or b"command not found" in ended.errors:
            raise _lacking(login, "rsync")
        if ended.code:
            raise HostFailed(f"rsync to the host {login.name} failed with {ended.code}: {_line(ended)}",
                             "Is there room in its login's home directory?")
        return ended.output.decode(errors="replace")

    def close(self) -> None:
        """Lets go of the connections that are kept; one that a command uses, of another process too, ends after it."""
        for socket in self._directory.glob("*.s"):
            subprocess.run(["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "stop", "any"],
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)

    def _ssh(self, login: Login) -> list[str]:
        """All of the client's command line before the address. Nothing of the machine's or a user's own settings."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        identity = self._identity()
        known = self._known(login, identity)
        options: Mapping[str, object] = {
            "BatchMode": "yes", "ConnectTimeout": CONNECT_PATIENCE, "ServerAliveInterval": ALIVE_EVERY,
            "ServerAliveCountMax": ALIVE_MISSED, "IdentitiesOnly": "yes", "IdentityAgent": "none",
            "PreferredAuthentications": "publickey", "StrictHostKeyChecking": "yes", "HostKeyAlias": login.name,
            "UserKnownHostsFile": known, "GlobalKnownHostsFile": "/dev/null", "UpdateHostKeys": "no",
            "ControlMaster": "auto", "ControlPersist": SHARED_FOR, "ControlPath": known.with_suffix(".s"),
            "ForwardAgent": "no", "ClearAllForwardings": "yes", "LogLevel": "ERROR"}
        return ["ssh", "-F", "none", "-T", "-i", str(identity), "-p", str(login.port), "-l", login.user,
                *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]

    def _known(self, login: Login, identity: Path) -> Path:
        """A known_hosts file for this login alone: another key, user or identity gets another connection."""
        told = repr((login.name, login.address, login.port, login.user, login.host_key, str(identity)))
        file = self._directory / f"{hashlib.sha256(told.encode()).hexdigest()[:14]}.k"
        if not file.exists():
            aside = file.with_suffix(".new")
            aside.write_text(f"{login.name} {login.host_key}\n")
            aside.rename(file)
        return file

    def _call(self, words: Sequence[str], given: bytes, timeout: float, login: Login) -> Ended:
        try:
            done = subprocess.run(words, input=given, capture_output=True, env=_ENVIRONMENT, cwd="/",
                                  start_new_session=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise DeadlinePassed(f"A command on the host {login.name} took longer than {timeout:.0f} s.",
                                 "Look at the load of the host.") from None
        except FileNotFoundError:
            raise no_client() if words[0] == "ssh" else HostFailed(
                "rsync is not installed on this machine.", "Run: apt-get install rsync") from None
        ended = Ended(done.returncode, done.stdout, done.stderr)
        if ended.code == _SSH_FAILED:
            raise _reason(login, _line(ended))
        self.on_answer(login.name)
        return ended


def _reason(login: Login, line: str) -> TroveError:
    """Why there is no connection, by the words of OpenSSH's client, which are the same in every language."""
    where = f"{login.user}@{login.address}, port {login.port}"
    if "ost key verification failed" in line or "ost key is known for" in line:
        return Refused(f"The host {login.name} ({where}) shows another host key than the one it is registered with.",
                       "If it was installed anew, remove it and add it again; else somebody stands between.")
    if "Permission denied" in line or "Too many authentication failures" in line:
        return Refused(f"The host {login.name} does not let us in as {where}.",
                       "Put the line that `trovectl host key` prints into ~/.ssh/authorized_keys of that login.")
    return Unreachable(f"The host {login.name} ({where}) cannot be reached: {line}",
                       "Look whether the machine is up, its sshd runs, and nothing filters the port.")


def _lacking(login: Login, program: str) -> HostFailed:
    return HostFailed(f"The host {login.name} has no {program}.", f"Run there: apt-get install {program}")


def _is_missing(ended: Ended) -> bool:
    return ended.code == _NOT_FOUND or (ended.code == 1 and b"command not found" in _sudo_says(ended))


def _sudo_says(ended: Ended) -> bytes:
    """The client may have had a word before."""
    return next((line for line in ended.errors.splitlines() if line.startswith(b"sudo:")), b"")


def _line(ended: Ended) -> str:
    """The last of its last words."""
    lines = [line.strip() for line in ended.last_words().splitlines() if line.strip()]
    return lines[-1] if lines else "the connection ended"


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
