"""Which releases a machine keeps."""

import os
from pathlib import Path

from trove.releases import pruning

NOW = 1_800_000_000.0


def release(root: Path, digit: str, age: float) -> Path:
    """Last asked for ``age`` seconds ago."""
    made = root / "releases" / (digit * 64)
    made.mkdir(parents=True)
    os.utime(made, (NOW - age, NOW - age))
    return made


def test_what_is_linked_to_is_kept_and_the_newest_and_what_was_asked_for_just_now(tmp_path: Path) -> None:
    old = [release(tmp_path, digit, age * pruning.YOUNG) for digit, age in (("a", 9), ("b", 8), ("c", 7), ("d", 6))]
    release(tmp_path, "e", 5 * pruning.YOUNG)
    (tmp_path / "releases" / ".unfinished").mkdir()
    for place, target in (("current", old[0] / "bin"), ("agent/trial", old[1])):
        link = tmp_path / "instances" / "12345678-1234-1234-1234-123456789abc" / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    assert pruning.unneeded(tmp_path, NOW) == [old[2]], "the newest two are d and e"
    os.utime(old[2], (NOW - 60, NOW - 60))
    assert pruning.unneeded(tmp_path, NOW) == [old[3]], "now they are c and e"
    release(tmp_path, "f", 1.0)
    release(tmp_path, "9", 2.0)
    gone = {path.name[0] for path in pruning.unneeded(tmp_path, NOW)}
    assert gone == {"d", "e"}, "c may get an instance"


def test_a_machine_without_releases_has_none_to_lose(tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    assert pruning.unneeded(tmp_path, NOW) == []
