"""Other programs: arguments as a list, nothing of our environment, and what they complain about in the error."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from common.errors import HostFailed

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8"}
NOT_LOADED = 5
"""What systemctl exits with for a unit that there is not."""


def find(program: str) -> str:
    """The absolute path of a program. Raises HostFailed with a hint to install it."""
    path = shutil.which(program, path=PATH)
    if path is None:
        raise HostFailed(f"{program} is not installed.", "On Debian it is in runit, xfsprogs, passwd or util-linux.")
    return path


def run(argv: Sequence[str], *, accept: Sequence[int] = (0,), timeout: float = 60,
        marks: dict[str, str] | None = None) -> str:
    """What the program printed; ``marks`` go into its environment.

    Raises HostFailed for an exit code that is not in ``accept``, or after ``timeout`` seconds.
    """
    program = find(argv[0])
    try:
        ended = subprocess.run(
            [program, *argv[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            env=ENVIRONMENT | (marks or {}), cwd="/", timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise HostFailed(f"{argv[0]} did not end within {timeout:.0f} s.", "Look at the load of the host.") from None
    if ended.returncode not in accept:
        words = (ended.stderr.strip() or ended.stdout.strip() or "it says nothing").splitlines()[-1]
        raise HostFailed(f"{argv[0]} failed with {ended.returncode}: {words}.")
    return ended.stdout


def is_root() -> bool:
    return os.geteuid() == 0


def is_systemd() -> bool:
    """Whether systemd is at work here (sd_booted(3)) and does what we say."""
    return is_root() and Path("/run/systemd/system").is_dir()
