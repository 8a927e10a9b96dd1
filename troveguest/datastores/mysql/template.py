"""A data directory that is copied for new instances. It has no account that anybody could log in to, and neither keys
nor the server's UUID, which it makes anew: the template has them taken out."""

from pathlib import Path

from ..mysqlfamily import programs
from . import DIALECT, making

_NOTHING = Path("/dev/null")


def sources(binaries: str, version: str) -> tuple[Path, ...]:
    """The program that it is made by. Raises HostFailed."""
    return (programs.find(DIALECT, binaries).server,)


def command(binaries: str, version: str, tree: Path) -> tuple[str, ...]:
    """What makes ``tree``, as an instance has it below ``data``."""
    return making(programs.find(DIALECT, binaries), _NOTHING, tree / "server", tree / "tmp")


def distinguish(tree: Path) -> None:
    """Gives a copy what is to be its own."""
