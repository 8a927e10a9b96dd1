"""A release is read once, and again when it was touched or after a while."""

import os
from pathlib import Path

import pytest

from common import releases
from common.errors import Invalid
from tests.trove.releases import making
from trove.providers.local import whole
from trove.releases import installing


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return installing.install(making.make(tmp_path / "made", "1"), tmp_path / "releases")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Releases of which every byte was read, one after the other."""
    read: list[Path] = []
    verify = releases.verify
    monkeypatch.setattr(releases, "verify", lambda path: (read.append(path), verify(path))[1])
    return read


def test_what_was_not_touched_is_not_read_again(release: Path, reads: list[Path]) -> None:
    known = whole.Whole()
    for _ in range(3):
        known.require(release)
    assert reads == [release]


def test_a_file_that_was_touched_is_found_even_with_its_old_time(release: Path, reads: list[Path]) -> None:
    known, file = whole.Whole(), release / "bin" / "trove-guestagent"
    known.require(release)
    before, text = file.stat(), file.read_bytes()
    file.write_bytes(text[:-1] + b"#")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    for _ in range(2):
        with pytest.raises(Invalid, match="bin/trove-guestagent is not what its manifest says"):
            known.require(release)
    file.write_bytes(text)
    known.require(release)
    assert len(reads) == 4


@pytest.mark.parametrize("change", [lambda lib: (lib / "more.py").touch(),
                                    lambda lib: next(lib.rglob("*.py")).unlink()])
def test_a_file_more_or_less_is_found(release: Path, change) -> None:
    known = whole.Whole()
    known.require(release)
    change(release / "lib")
    with pytest.raises(Invalid):
        known.require(release)


def test_all_of_it_is_read_again_after_a_while(release: Path, reads: list[Path]) -> None:
    known = whole.Whole(clock=iter((0.0, whole.SURE, whole.SURE + 1.0, 2 * whole.SURE)).__next__)
    for _ in range(4):
        known.require(release)
    assert len(reads) == 2
