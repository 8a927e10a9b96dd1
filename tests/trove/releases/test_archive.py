"""One file holds a release: started by the system's interpreter alone it verifies, unpacks and byte-compiles itself."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from common import releases
from tests.trove.releases import making
from trove.releases import archive, building, onefile, sources

CHECKOUT = Path(__file__).resolve().parents[3]
SOURCES = sources.checkout(CHECKOUT)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our own code for one engine, without libraries."""
    made = tmp_path_factory.mktemp("built") / "release"
    building.assemble(made, SOURCES, [], making.HERE)
    return made


@pytest.fixture
def file(release: Path, tmp_path: Path) -> Path:
    archive.write(release, tmp_path / "agent.run", SOURCES)
    return tmp_path / "agent.run"


def run(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In an empty environment, as nothing but the file itself; from the directory that it is in."""
    return subprocess.run([f"./{file.name}", *words], cwd=file.parent, env={}, capture_output=True, text=True)


def test_it_unpacks_to_its_hash_byte_compiled(release: Path, file: Path, tmp_path: Path) -> None:
    ended = run(file, "unpack", "root")
    unpacked = tmp_path / "root" / "releases" / releases.read(release).total
    assert ended.stdout == f"{unpacked}\n", ended.stderr
    assert releases.verify(unpacked) == releases.read(release)
    assert list((unpacked / "lib" / "troveguest" / "__pycache__").glob("cli.*.pyc"))
    assert run(file, "unpack", "root").stdout == f"{unpacked}\n", "again: nothing to do"
    assert list(unpacked.parent.iterdir()) == [unpacked]


def test_it_says_what_it_is(release: Path, file: Path) -> None:
    manifest = releases.read(release)
    assert run(file, "version").stdout == (
        f"trove-guestagent {manifest.version}, contract {manifest.contract}, engine fake, "
        f"for Python {manifest.python} on {manifest.arch}\n")
    assert manifest.total in run(file, "verify").stdout
    assert run(file, "--help").stdout == run(file).stdout == onefile.USAGE
    for words in (["unpack"], ["nonsense"], ["verify", "more"], ["install", "more"]):
        ended = run(file, *words)
        assert (ended.returncode, ended.stderr) == (64, onefile.USAGE)


def test_nothing_of_the_control_planes_package_is_in_it(file: Path) -> None:
    with zipfile.ZipFile(file) as opened:
        parts = {part.partition(".")[0] for name in opened.namelist() for part in Path(name).parts}
    assert "onefile" in parts and "troveguest" in parts
    assert "trove" not in parts


@pytest.mark.parametrize("damage", [
    lambda whole: whole[:-1], lambda whole: whole[:len(whole) // 2], lambda whole: whole + b"\n",
    lambda whole: whole[:-64] + b"0" * 64, lambda whole: whole[:5000] + b"?" + whole[5001:],
    lambda whole: whole.replace(b"import onefile", b"import evil_things", 1),
], ids=["one byte short", "half of it", "one byte more", "another hash", "one byte other", "its beginning"])
def test_a_damaged_file_is_refused_before_anything_of_it_runs(file: Path, tmp_path: Path, damage) -> None:
    file.write_bytes(damage(file.read_bytes()))
    ended = run(file, "unpack", "root")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "./agent.run is damaged: it is not as it was built. Copy it here again.\n"
    assert not (tmp_path / "root").exists()


def test_where_it_cannot_write_it_says_so(file: Path, tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file")
    ended = run(file, "unpack", "root")
    assert ended.returncode == 1 and "root" in ended.stderr and "Traceback" not in ended.stderr
