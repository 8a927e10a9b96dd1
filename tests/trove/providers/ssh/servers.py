"""A real sshd on a loopback address of its own, whose only login is whoever runs the test."""

import getpass
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.awaiting import until
from trove.providers.ssh import hostkeys, identity
from trove.providers.ssh.transport import Transport

_CONFIGURATION = """
ListenAddress {server.address}
Port {server.port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class Server:
    """As a host is registered."""

    address: str
    port: int
    host_key: str
    name: str = "rack1"
    user: str = getpass.getuser()


class Machine:
    """``server`` is what one logs in to; it stands still, or is down, when told to."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        key = identity.ensure(directory / "host_key", "a host")
        self.identity = identity.ensure(directory / "identity", "a test")
        (directory / "authorized_keys").write_text(identity.public(self.identity))
        address = "127.{}.{}.{}".format(*(random.randint(1, 254) for _ in range(3)))
        self.server = Server(address, 2222, hostkeys.parsed(identity.public(key)))
        self.transport = Transport(directory / "c", lambda: self.identity)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        file = self._directory / "sshd_config"
        file.write_text(_CONFIGURATION.format(server=self.server, directory=self._directory))
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._process = subprocess.Popen([shutil.which("sshd", path="/usr/sbin") or "sshd", "-D", "-f", str(file)])
        until(self._answers, 10, "sshd answers")

    def cut(self) -> None:
        """Ends our connection in the middle of what it does."""
        for socket in (self._directory / "c").glob("*.s"):
            subprocess.run(["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "any"], check=False)

    def stop(self) -> None:
        """With all of its connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        return bool(subprocess.run(["ssh-keyscan", "-T", "1", "-p", str(self.server.port), self.server.address],
                                   capture_output=True).stdout)


def disk(root: Path) -> Path:
    """The file system of a machine with the programs of this one, and nothing else."""
    for name in ("bin", "sbin"):
        (root / "usr" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "usr" / name).symlink_to(f"/usr/{name}")
    return root


@contextmanager
def running(directory: Path) -> Iterator[Machine]:
    made = Machine(directory)
    made.start()
    try:
        yield made
    finally:
        made.transport.close()
        made.stop()
