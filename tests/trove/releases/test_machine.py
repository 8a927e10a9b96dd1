"""A machine is made ready for instances as a whole or not at all, and so that it can be unmade."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest

from common.errors import Conflict, HostFailed, NotFound
from common.releases import read
from tests.trove.releases import making
from trove.releases import machine, onefile

LINK, TOP = "usr/local/bin/trove-guestagent", "var/lib/troveguest"
UNIT = "etc/systemd/system/trove-guestagent.service"


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file system of a machine with everything that is needed, systemd among it; we are root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    root = tmp_path / "image"
    programs = [program for each in machine.PACKAGES.values() for program in each]
    for path in (f"usr/bin/python{making.HERE.python}", "usr/lib/systemd/systemd",
                 *(f"usr/sbin/{each}" for each in programs)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch(mode=0o755)
    (root / "usr/sbin/python3").unlink()
    (root / "usr/bin/python3").symlink_to(f"python{making.HERE.python}")
    return root


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def install(image: Path, made: Path) -> list[str]:
    return onefile._install(made, ["--root", str(image)]).splitlines()


def test_everything_it_makes_is_in_one_directory_or_listed_there(image: Path, tmp_path: Path) -> None:
    before = tree(image)
    release = making.make(tmp_path / "made")
    said = install(image, release)
    target = Path("/", TOP, "releases", read(release).total, "bin/trove-guestagent")
    assert (image / LINK).readlink() == target and (image / target.relative_to("/")).is_file()
    assert said[0] == f"/{LINK} is version 1.2.3 of the agent, release {read(release).total}."
    assert said[1:] == ["systemd restores the instances at boot: trove-guestagent.service."]
    assert f"ExecStart=/{LINK} restore" in (image / UNIT).read_text()
    shutil.rmtree(image / TOP / "releases")
    for path in json.loads((image / TOP / "installed.json").read_text()):
        (image / path.lstrip("/")).unlink(missing_ok=True)
    left = tree(image) - before - {f"{TOP}/installed.json"}
    assert all((image / path).is_dir() for path in left), left


def test_again_it_says_the_same_and_changes_nothing(image: Path, tmp_path: Path) -> None:
    release = making.make(tmp_path / "made")
    said, seen = install(image, release), tree(image)
    assert (install(image, release), tree(image)) == (said, seen)


def test_a_newer_release_takes_over_and_an_older_one_does_not(image: Path, tmp_path: Path) -> None:
    older, newer = making.make(tmp_path / "older"), making.make(tmp_path / "newer", "def main():\n    return 1\n")
    text = json.loads((newer / "manifest.json").read_text())
    (newer / "manifest.json").write_text(json.dumps(text | {"contract": "1.10"}))
    for made, linked in ((older, older), (newer, newer), (older, newer)):
        assert read(linked).total in install(image, made)[0]
        assert (image / LINK).readlink().parents[1].name == read(linked).total


def test_a_program_that_is_missing_is_named_with_its_remedy_before_anything_is_touched(
        image: Path, tmp_path: Path) -> None:
    (image / "usr/sbin/mkfs.xfs").unlink()
    (image / "usr/sbin/setpriv").unlink()
    before = tree(image)
    with pytest.raises(HostFailed) as caught:
        install(image, making.make(tmp_path / "made"))
    assert caught.value.sentence() == (
        "This machine lacks mkfs.xfs, setpriv. "
        "Install them: apt-get install --no-install-recommends xfsprogs util-linux")
    assert tree(image) == before


def test_what_else_stands_in_the_way_is_a_sentence_before_anything_is_touched(
        image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = making.make(tmp_path / "made")
    (image / LINK).parent.mkdir(parents=True)
    (image / LINK).write_text("somebody's own")
    before = tree(image)
    with pytest.raises(Conflict, match="is there and is not ours"):
        install(image, made)
    (image / "usr/bin/python3").unlink()
    (image / "usr/bin/python3").symlink_to("python3.99")
    (image / "usr/bin/python3.99").touch(mode=0o755)
    with pytest.raises(HostFailed, match=r"is for Python \S+, and \S+ has python3\.99"):
        install(image, made)
    other = making.make(tmp_path / "other", made_for=dataclasses.replace(making.HERE, arch="pdp11"))
    with pytest.raises(HostFailed, match="on pdp11, and this machine has"):
        install(image, other)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostFailed, match="Only root"):
        install(image, made)
    assert tree(image) - before == {"usr/bin/python3.99"}


def test_a_release_that_is_not_there_is_not_set_up(image: Path) -> None:
    with pytest.raises(NotFound, match="There is no release"):
        machine.setup("0" * 64, str(image))


@pytest.mark.parametrize(("is_systemd", "watched", "has_systemd", "begins", "commands"), [
    (True, [], True, "systemd restores", 2), (True, ["/etc/service"], True, "systemd restores", 2),
    (False, ["/etc/service"], True, "runit restores", 0), (False, [], True, "systemd restores", 0),
    (False, [], False, "Nothing restores", 0)])
def test_what_runs_on_the_machine_restores(
        is_systemd: bool, watched: list[str], has_systemd: bool, begins: str, commands: int) -> None:
    boot = machine.decide(is_systemd, [Path(each) for each in watched], has_systemd)
    assert boot.sentence.startswith(begins) and len(boot.commands) == commands
    assert set(boot.links.values()) <= set(boot.owned), "what is linked goes too"
