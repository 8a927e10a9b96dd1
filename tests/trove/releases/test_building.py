"""A release has what its engine needs and nothing else, and is the same wherever it is built."""

import json
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common import releases
from common.errors import HostFailed, Invalid
from tests.trove.cli.typed import trovectl
from tests.trove.releases import making
from trove.releases import archive, building, installing, libraries, sources

CHECKOUT = Path(__file__).resolve().parents[3]
MARIADB = building.Target("mariadb", making.HERE.python, making.HERE.arch)


def wheel(directory: Path, name: str, *lines: str, inside: str = "") -> libraries.Wheel:
    """A library ``name`` of one module; ``lines`` are added to its metadata, ``inside`` is another file in it."""
    path = directory / f"{name}-1-py3-none-any.whl"
    metadata = "\n".join(("Metadata-Version: 2.1", f"Name: {name}", "Version: 1", *lines)) + "\n"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(f"{name}/__init__.py", "")
        made.writestr(f"{name}-1.dist-info/METADATA", metadata)
        made.writestr(f"{name}-1.dist-info/RECORD", str(directory))
        if inside:
            made.writestr(inside, "")
    return libraries._read(path)


@contextmanager
def masked(umask: int) -> Iterator[None]:
    before = os.umask(umask)
    try:
        yield
    finally:
        os.umask(before)


def test_an_engine_brings_its_own_libraries_and_theirs_alone(tmp_path: Path) -> None:
    made = [wheel(tmp_path, "One", "Requires-Dist: two_b>=1 ; python_version >= '3.9'"), wheel(tmp_path, "two-b"),
            wheel(tmp_path, "three"), wheel(tmp_path, "four")]
    asks = ("one>=1", "trove-common==1", "three; extra == 'mariadb'", 'four>=2; extra == "fake"')
    assert [each.name for each in libraries.needed(made, asks, ["mariadb"])] == ["one", "three", "two-b"]
    assert len(libraries.needed(made, asks, ["mariadb", "fake"])) == 4
    with pytest.raises(HostFailed, match="lack five"):
        libraries.needed(made, (*asks, "five"), ["mariadb"])


@pytest.mark.parametrize(("lines", "licence"), [
    (["License-Expression: MIT"], "MIT"), (["License: BSD"], "BSD"), ([], "not stated"),
    (["Classifier: Topic :: X", "Classifier: License :: OSI Approved :: BSD License"], "BSD License")])
def test_a_library_says_its_licence(tmp_path: Path, lines: list[str], licence: str) -> None:
    assert wheel(tmp_path, "one", *lines).licence() == {"name": "one", "version": "1", "licence": licence}


def test_a_library_with_files_outside_of_its_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostFailed, match="outside"):
        wheel(tmp_path, "one", inside="one-1.data/scripts/one").unpack(tmp_path / "lib")


def test_a_release_leaves_out_the_other_engines(tmp_path: Path) -> None:
    manifest = building.assemble(tmp_path / "release", sources.checkout(CHECKOUT), [wheel(tmp_path, "one")], MARIADB)
    assert "lib/common/datastores/mariadb.py" in manifest.files and "lib/troveguest/host/runit.py" in manifest.files
    assert [name for name in manifest.files if "fake" in name or "oslo_options" in name] == []
    assert "lib/troveguest/datastores/mysqlfamily/engine.py" in manifest.files
    assert manifest.licences == [{"name": "one", "version": "1", "licence": "not stated"}]
    assert not any(name.startswith(("lib/trove/", "lib/troveguest/conformance")) or "RECORD" in name
                   or name.endswith(".pyc") for name in manifest.files)


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    """In another directory, under another umask, from files and wheels of another time."""
    contents = []
    for umask, directory in ((0o022, tmp_path / "one"), (0o077, tmp_path / "deeper" / "two")):
        with masked(umask):
            directory.mkdir(parents=True)
            release, file = directory / "release", directory / "agent.run"
            building.assemble(release, sources.checkout(CHECKOUT), [wheel(tmp_path, "one")], MARIADB)
            for path in release.rglob("*"):
                os.utime(path, (umask, umask))
            archive.write(release, file, sources.checkout(CHECKOUT))
        contents.append({path.relative_to(directory): (path.stat().st_mode, path.is_file() and path.read_bytes())
                         for path in directory.rglob("*")})
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", ["precious", releases.MANIFEST])
def test_what_is_no_release_is_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"name": "somebody else\'s"}')
    with pytest.raises(Invalid, match="is no release"):
        building.build(tmp_path, sources.checkout(CHECKOUT), MARIADB)
    assert os.listdir(tmp_path) == [name]


def test_sources_are_named_or_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    assert sources.find(None) == sources.checkout(CHECKOUT)
    assert 'pymysql>=1.1; extra == "mariadb"' in sources.find(None).asks
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Invalid, match="troveguest is not installed"):
        sources.find(None)
    with pytest.raises(Invalid, match="no checkout"):
        sources.find(tmp_path)


def test_installed_packages_are_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in (CHECKOUT / "build" / "wheels").glob("trove[_g]*.whl"):
        with zipfile.ZipFile(each) as opened:
            opened.extractall(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found, checkout = sources.installed(), sources.checkout(CHECKOUT)
    assert found.packages == {name: tmp_path / name for name in ("common", "troveguest")}
    assert (found.version(), found.contract()) == (checkout.version(), checkout.contract())
    assert {*libraries._names(found.asks, ["mariadb"])} == {*libraries._names(checkout.asks, ["mariadb"])}


@pytest.mark.slow
def test_a_build_that_fails_leaves_the_old_release(tmp_path: Path) -> None:
    made = making.make(tmp_path / "made")
    locked = tmp_path / "requirements.txt"
    locked.write_text("not-there @ file:///nonexistent\n")
    with pytest.raises(HostFailed, match="could not be built"):
        building.build(made, sources.Sources({}, (), locked), making.HERE)
    releases.verify(made)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "requirements.txt"]


def test_what_engines_share_is_in_the_releases_of_these_alone(tmp_path: Path) -> None:
    target = building.Target("redis", making.HERE.python, making.HERE.arch)
    manifest = building.assemble(tmp_path / "release", sources.checkout(CHECKOUT), [wheel(tmp_path, "one")], target)
    assert [name for name in manifest.files if "mysql" in name or "mariadb" in name] == []


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "brings_pymysql"), [("mariadb", True), ("fake", False)])
def test_the_command_builds_what_installs_and_starts(tmp_path: Path, engine: str, brings_pymysql: bool) -> None:
    answer = trovectl("agent", "build", "--source", str(CHECKOUT), "--engine", engine, "--json",
                      "--output", str(tmp_path / "made"))
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.output)
    assert any(each["name"] == "pymysql" for each in told["licences"]) == brings_pymysql
    assert all(each["licence"] != "not stated" for each in told["licences"])
    release = installing.install(tmp_path / "made", tmp_path / "releases")
    assert release.name == told["total"]
    said = os.popen(f"{release}/bin/trove-guestagent version").read()
    assert said == f"trove-guestagent {told['version']}, contract {told['contract']}\n"
    assert "sh FILE selftest" in os.popen(f"{release}/bin/trove-guestagent selftest 2>&1").read()
    archive.write(tmp_path / "made", tmp_path / "agent.run", sources.checkout(CHECKOUT))
    assert os.popen(f"{tmp_path}/agent.run selftest && echo passed").read().endswith(" s).\npassed\n")


def test_an_engine_that_there_is_not_is_refused(tmp_path: Path) -> None:
    answer = trovectl("agent", "build", "--source", str(CHECKOUT), "--engine", "none", "--json",
                      "--output", str(tmp_path / "made"))
    assert answer.exit_code == 1 and json.loads(answer.output.splitlines()[-1])["error"]["code"] == "invalid"
