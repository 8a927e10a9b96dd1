"""All that is placed on a machine: brought back when it boots, and taken away with what was installed."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from common.contract.placement import Unplacement
from common.errors import Conflict, HostFailed, Invalid, NotFound, TroveError

from .host.record import Record
from .place import commands, placing

INSTALLED = "installed.json"
"""Beside the directory of the releases: the paths elsewhere that were made when they were installed."""
_AT_BOOT = "trove-guestagent.service"


def main(words: Sequence[str]) -> int:
    """One of ``_ACTIONS`` for the machine that this release is installed on, a sentence a line; the exit code.

    Raises TroveError.
    """
    if tuple(words) not in _ACTIONS:
        raise Invalid(f"{' '.join(words[1:])} is not understood.", "Look at: trove-guestagent help.")
    if not commands.is_root():
        raise HostFailed(f"Only root may {words[0]} what is on this machine.", "Put sudo before the command.")
    for sentence in _ACTIONS[tuple(words)](Path(__file__).resolve().parents[4]):
        sys.stdout.write(f"{sentence}\n")
    return 0


def restore(top: Path) -> Iterator[str]:
    """Brings back what is placed below ``top``. Raises HostFailed, after all of them, for those that did not come."""
    failed = []
    for home in sorted(path.parent for path in top.glob("instances/*/place.json")):
        try:
            if not Record.read(home / "place.json").memory_mb:
                raise Conflict("It was placed by an earlier release, which did not note its limits.",
                               "Its control plane puts it right: trovectl up.")
            placing.restore(home)
            yield f"{home.name} is in its place."
        except Exception as error:  # noqa: BLE001 (whatever it is, it holds up no other)
            failed.append(home.name)
            yield f"{home.name} is not restored. {error.sentence() if isinstance(error, TroveError) else repr(error)}"
    if failed:
        raise HostFailed(f"Not restored: {', '.join(failed)}.", "Mend what is said of each, then restore again.")


def uninstall(top: Path, with_instances: bool = False) -> Iterator[str]:
    """Removes what was installed, of which nothing is left. Raises NotFound, Conflict while instances are placed."""
    if not (top / INSTALLED).exists():
        raise NotFound(f"Nothing is installed in {top}.")
    placed = sorted({path.name for path in top.glob("instances/*")} | {path.stem for path in top.glob("volumes/*")})
    if placed and not with_instances:
        raise Conflict(f"Instances are placed here: {', '.join(placed)}.",
                       "Delete them where they were ordered, or give --with-instances.")
    for instance_id in placed:
        placing.unplace(Unplacement(instance_id=instance_id, home=str(top / "instances" / instance_id)))
        yield f"The instance {instance_id} and its data are removed."
    if commands.is_systemd():
        commands.run(["systemctl", "stop", _AT_BOOT], accept=(0, commands.NOT_LOADED))
    for path in (*json.loads((top / INSTALLED).read_bytes()), str(top)):
        commands.run(["rm", "-rf", "--one-file-system", "--", path], timeout=120)
        yield f"{path} is removed."
    if commands.is_systemd():
        commands.run(["systemctl", "daemon-reload"])


_ACTIONS: dict[tuple[str, ...], Callable[[Path], Iterator[str]]] = {
    ("restore",): restore, ("uninstall",): uninstall,
    ("uninstall", "--with-instances"): partial(uninstall, with_instances=True)}
