"""An installed release is whole, verified, byte-compiled there, and runs with nothing but itself."""

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

from common import releases
from common.errors import HostFailed, Invalid
from tests.trove.releases import making
from trove.releases import installing

_SAYS_WHERE = """
import os, sys
def main():
    import troveguest
    print(sys.flags.isolated, sys.flags.no_site, os.path.dirname(troveguest.__file__), *sys.argv[1:])
    return 7
"""


def installed(tmp_path: Path, program: str = "def main():\n    return 0\n") -> Path:
    return installing.install(making.make(tmp_path / "made", program), tmp_path / "releases")


def test_it_runs_isolated_and_from_its_own_library(tmp_path: Path) -> None:
    release = installed(tmp_path, _SAYS_WHERE)
    (tmp_path / "current").symlink_to(release)
    ended = subprocess.run(
        [tmp_path / "current" / "bin" / "trove-guestagent", "word"], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert ended.stdout.split() == ["1", "1", str(release / "lib" / "troveguest"), "word"], ended.stderr
    assert ended.returncode == 7


def test_it_is_compiled_where_it_is_installed(tmp_path: Path) -> None:
    release = installed(tmp_path)
    assert not list((tmp_path / "made").rglob("*.pyc"))
    compiled = next((release / "lib" / "troveguest" / "__pycache__").glob("cli.*.pyc")).read_bytes()
    assert int.from_bytes(compiled[4:8], "little") == 0b01, "by hash, and never compared (PEP 552)"
    assert str(tmp_path).encode() not in compiled


def test_a_manifest_says_what_is_in_it(tmp_path: Path) -> None:
    manifest = releases.verify(making.make(tmp_path / "made"))
    assert (manifest.version, manifest.contract, manifest.engine) == ("1.2.3", "1.1", "fake")
    assert "bin/trove-guestagent" in manifest.files and "manifest.json" not in manifest.files


def test_the_same_files_are_the_same_release(tmp_path: Path) -> None:
    first, second = making.make(tmp_path / "one"), making.make(tmp_path / "two")
    assert (first / "manifest.json").read_bytes() == (second / "manifest.json").read_bytes()
    third = making.make(tmp_path / "three", "def main():\n    return 1\n")
    assert releases.read(third).total != releases.read(first).total


@pytest.mark.parametrize("damage", [
    lambda made: (made / "lib" / "troveguest" / "cli.py").write_text("evil"),
    lambda made: (made / "lib" / "troveguest" / "cli.py").unlink(),
    lambda made: (made / "manifest.json").write_text(
        (made / "manifest.json").read_text().replace(releases.read(made).total, "0" * 64)),
    lambda made: (made / "manifest.json").write_text(
        (made / "manifest.json").read_text().replace("lib/troveguest/cli.py", "../cli.py")),
])
def test_a_damaged_release_is_not_installed(tmp_path: Path, damage) -> None:
    made = making.make(tmp_path / "made")
    damage(made)
    with pytest.raises(Invalid, match="damaged"):
        releases.verify(made)
    with pytest.raises(Invalid, match="damaged"):
        installing.install(made, tmp_path / "releases")
    assert list((tmp_path / "releases").glob("*")) == []


def test_a_file_that_the_manifest_does_not_name_is_found_and_not_installed(tmp_path: Path) -> None:
    made = making.make(tmp_path / "made")
    (made / "lib" / "sitecustomize.py").write_text("evil")
    with pytest.raises(Invalid, match=r"damaged: lib/sitecustomize\.py"):
        releases.verify(made)
    assert not (installing.install(made, tmp_path / "releases") / "lib" / "sitecustomize.py").exists()


def test_it_is_installed_once_under_its_hash_and_readable_by_all(tmp_path: Path) -> None:
    made = making.make(tmp_path / "made")
    before = os.umask(0o077)
    try:
        release = installing.install(made, tmp_path / "releases")
    finally:
        os.umask(before)
    assert release == tmp_path / "releases" / releases.read(made).total
    inode = release.stat().st_ino
    assert installing.install(made, tmp_path / "releases") == release and release.stat().st_ino == inode
    for path in (release, *release.rglob("*")):
        assert path.stat().st_mode & 0o004, path
    assert [path.name for path in (tmp_path / "releases").iterdir()] == [release.name]


@pytest.mark.parametrize("file", ["cli.py", "__pycache__/cli.*.pyc"])
def test_an_installed_release_that_was_changed_is_replaced(tmp_path: Path, file: str) -> None:
    release = installed(tmp_path)
    next((release / "lib" / "troveguest").glob(file)).write_text("evil")
    with pytest.raises(Invalid, match="damaged"):
        releases.verify(release)
    assert installing.install(tmp_path / "made", tmp_path / "releases") == release
    releases.verify(release)
    assert [path.name for path in (tmp_path / "releases").iterdir()] == [release.name]


@pytest.mark.parametrize("other", [{"python": "3.99"}, {"arch": "pdp11"}])
def test_a_release_for_another_machine_is_refused(tmp_path: Path, other: dict[str, str]) -> None:
    made = making.make(tmp_path / "made", made_for=dataclasses.replace(making.HERE, **other))
    with pytest.raises(HostFailed, match=r"is for Python \S+ on \S+, and this machine has Python"):
        installing.install(made, tmp_path / "releases")
    assert list((tmp_path / "releases").glob("*")) == []


def test_a_directory_that_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no release"):
        installing.install(tmp_path, tmp_path / "releases")
