"""A data directory that is copied for new instances. It has no account but root's, by the operating system's word, and
no key: the server makes the agent's account when it first starts. What Aria calls its uuid all copies share."""

from pathlib import Path

from ..mysqlfamily import programs
from . import DIALECT, making

_ROOT, _NOTHING = "root", Path("/dev/null")
_SMALL = ("--innodb-log-file-size=4M",)
"""The server gives its log another size when it starts."""


def sources(binaries: str, version: str) -> tuple[Path, ...]:
    """The programs that it is made by. Raises HostFailed."""
    return programs.find(DIALECT, binaries)[1:]


def command(binaries: str, version: str, tree: Path) -> tuple[str, ...]:
    """What makes ``tree``, as an instance has it below ``data``."""
    return making(programs.find(DIALECT, binaries), _NOTHING, _ROOT, tree / "server", tree / "tmp") + _SMALL


def distinguish(tree: Path) -> None:
    """Gives a copy what is to be its own."""
