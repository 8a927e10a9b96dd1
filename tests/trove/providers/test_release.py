"""A release is whole, verified, and runs with nothing but itself."""

import os
import subprocess
from pathlib import Path

import pytest

from common.errors import HostFailed, Invalid
from tests.trove.providers import releases
from trove.providers import release

_SAYS_WHERE = """
import os, sys
def main():
    import troveguest
    print(sys.flags.isolated, sys.flags.no_site, os.path.dirname(troveguest.__file__), *sys.argv[1:])
    return 7
"""


def test_it_runs_isolated_and_from_its_own_library(tmp_path: Path) -> None:
    made = releases.make(tmp_path / "made", _SAYS_WHERE)
    (tmp_path / "current").symlink_to(made)
    ended = subprocess.run(
        [tmp_path / "current" / "bin" / "trove-guestagent", "word"], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert ended.stdout.split() == ["1", "1", str(made / "lib" / "troveguest"), "word"], ended.stderr
    assert ended.returncode == 7


def test_it_is_compiled_and_says_what_is_in_it(tmp_path: Path) -> None:
    made = releases.make(tmp_path / "made")
    manifest = release.verify(made)
    assert manifest.version == "1.2.3"
    assert "bin/trove-guestagent" in manifest.files and "manifest.json" not in manifest.files
    compiled = next((made / "lib" / "troveguest" / "__pycache__").glob("cli.*.pyc")).read_bytes()
    assert int.from_bytes(compiled[4:8], "little") == 0b01, "by hash, and never compared (PEP 552)"
    assert str(tmp_path).encode() not in compiled


def test_the_same_files_are_the_same_release(tmp_path: Path) -> None:
    first, second = releases.make(tmp_path / "one"), releases.make(tmp_path / "two")
    assert release.read(first).total == release.read(second).total
    third = releases.make(tmp_path / "three", "def main():\n    return 1\n")
    assert release.read(third).total != release.read(first).total


@pytest.mark.parametrize("damage", [
    lambda made: (made / "lib" / "troveguest" / "cli.py").write_text("evil"),
    lambda made: (made / "lib" / "troveguest" / "cli.py").unlink(),
    lambda made: (made / "lib" / "sitecustomize.py").write_text("evil"),
    lambda made: (made / "manifest.json").write_text(
        (made / "manifest.json").read_text().replace(release.read(made).total, "0" * 64)),
])
def test_damage_is_found(tmp_path: Path, damage) -> None:
    made = releases.make(tmp_path / "made")
    damage(made)
    with pytest.raises(Invalid, match="damaged"):
        release.verify(made)
    with pytest.raises(Invalid, match="damaged"):
        release.install(made, tmp_path / "releases")
    assert list((tmp_path / "releases").glob("*")) == []


def test_it_is_installed_once_under_its_hash_and_readable_by_all(tmp_path: Path) -> None:
    made = releases.make(tmp_path / "made")
    before = os.umask(0o077)
    try:
        installed = release.install(made, tmp_path / "releases")
    finally:
        os.umask(before)
    assert installed == tmp_path / "releases" / release.read(made).total
    inode = installed.stat().st_ino
    assert release.install(made, tmp_path / "releases") == installed and installed.stat().st_ino == inode
    for path in (installed, *installed.rglob("*")):
        assert path.stat().st_mode & 0o004, path
    assert [path.name for path in (tmp_path / "releases").iterdir()] == [installed.name]


def test_an_installed_release_that_was_changed_is_replaced(tmp_path: Path) -> None:
    made = releases.make(tmp_path / "made")
    installed = release.install(made, tmp_path / "releases")
    (installed / "lib" / "troveguest" / "cli.py").write_text("evil")
    assert release.install(made, tmp_path / "releases") == installed
    release.verify(installed)
    assert [path.name for path in (tmp_path / "releases").iterdir()] == [installed.name]


def test_a_directory_that_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no release"):
        release.install(tmp_path, tmp_path / "releases")


@pytest.mark.slow
def test_a_build_that_fails_leaves_the_old_release(tmp_path: Path) -> None:
    made = releases.make(tmp_path / "made")
    (tmp_path / "requirements.txt").write_text("not-there @ file:///nonexistent\n")
    with pytest.raises(HostFailed, match="could not be built"):
        release.build(made, [], tmp_path / "requirements.txt")
    release.verify(made)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "requirements.txt"]
