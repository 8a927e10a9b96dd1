"""How a place looks, so that a repair can say what it had to put right."""

import stat
from pathlib import Path

from ..host.layout import SERVICES, Layout
from ..host.supervision import Supervised
from . import limits


def take(layout: Layout, is_mounted: bool) -> dict[str, object]:
    """What stands for each thing of a place, by a name that people understand. What a placing need not change stays
    the same."""
    paths = (*layout.home.iterdir(), *layout.config.glob("*"), layout.data, layout.current, *layout.log.glob("*"),
             *layout.services.glob("*"), *layout.services.glob("*/run"), *layout.services.glob("*/log/run"))
    found: dict[str, object] = {str(path.relative_to(layout.home)): _look(path) for path in paths}
    found["the mount of the volume"] = is_mounted
    for name in SERVICES:
        found[f"the supervisor of the service {name}"] = Supervised(layout.supervise(name)).is_supervised()
    return found | limits.read(layout.home.name)


def changes(before: dict[str, object], after: dict[str, object]) -> tuple[str, ...]:
    return tuple(sorted(name for name, look in after.items() if before.get(name) != look))


def _look(path: Path) -> object:
    """Owner, mode, and for a file when it was written; None for what is not there."""
    try:
        info = path.lstat()
    except OSError:
        return None
    written = info.st_mtime_ns if not stat.S_ISDIR(info.st_mode) and not stat.S_ISFIFO(info.st_mode) else 0
    return info.st_mode, info.st_uid, info.st_gid, written
