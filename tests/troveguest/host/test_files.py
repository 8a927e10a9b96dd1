"""Files are whole or not there, and no link leads a writer elsewhere."""

import os
import stat
from pathlib import Path

import pytest

from troveguest.host import files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_written_file_has_content_and_mode(tmp_path: Path) -> None:
    files.write(tmp_path / "a", "text", mode=0o640)
    assert (tmp_path / "a").read_text() == "text"
    assert mode(tmp_path / "a") == 0o640


def test_the_umask_does_not_change_the_mode(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        files.write(tmp_path / "a", b"", mode=0o644)
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == 0o644


def test_no_more_is_read_than_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.write(b"planted")
        file.truncate(1 << 40)
    assert files.read(path, 7) == b"planted"
    assert files.write_if_changed(path, "planted")
    assert path.read_bytes() == b"planted"


def test_an_open_reader_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    files.write(path, "old")
    with path.open() as reader:
        files.write(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_nothing_is_left_beside_a_file_that_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):
        files.write(tmp_path / "a", "text")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    (tmp_path / "a").symlink_to(target)
    files.write(tmp_path / "a", "text")
    assert target.read_text() == "mine"
    assert not (tmp_path / "a").is_symlink()


@pytest.mark.parametrize("make", [
    lambda path: None,
    lambda path: path.mkdir(),
    lambda path: path.symlink_to("/etc/hostname"),
    lambda path: os.mkfifo(path),
])
def test_only_a_plain_file_is_read(tmp_path: Path, make) -> None:
    make(tmp_path / "a")
    assert files.read(tmp_path / "a") is None


def test_an_unchanged_file_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert files.write_if_changed(path, "text", mode=0o600)
    inode = path.stat().st_ino
    assert not files.write_if_changed(path, "text", mode=0o600)
    assert path.stat().st_ino == inode
    assert files.write_if_changed(path, "text", mode=0o644)
    assert files.write_if_changed(path, "other", mode=0o644)


def test_the_tail_is_the_end_and_survives_foreign_bytes(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 100 + b"\xff end")
    assert files.tail(tmp_path / "log", 5) == "\ufffd end"
    assert files.tail(tmp_path / "none", 5) == ""


def test_a_directory_gets_its_mode_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "d"
    files.ensure_directory(path, 0o2750)
    files.ensure_directory(path, 0o2750)
    assert mode(path) == 0o2750
    path.chmod(0o777)
    files.ensure_directory(path, 0o700)
    assert mode(path) == 0o700


def test_a_link_is_not_taken_for_a_directory(tmp_path: Path) -> None:
    (tmp_path / "d").symlink_to(tmp_path)
    with pytest.raises(OSError):
        files.ensure_directory(tmp_path / "d", 0o700)


def test_a_link_is_made_once_and_moved(tmp_path: Path) -> None:
    link = tmp_path / "current"
    assert files.ensure_link(link, "one")
    assert not files.ensure_link(link, "one")
    assert files.ensure_link(link, "two")
    assert str(link.readlink()) == "two"


def test_what_need_not_be_durable_is_flushed_with_its_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe holds nobody up, and no link leads anywhere else."""
    flushed: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    inner, outside = tmp_path / "tree" / "inner", tmp_path / "outside"
    inner.mkdir(parents=True)
    files.write(outside, "kept")
    assert flushed[1:] == [tmp_path]
    flushed.clear()
    os.mkfifo(inner / "pipe")
    (inner / "link").symlink_to(outside)
    for name in ("one", "two"):
        assert files.write_if_changed(inner / name, name, durable=False)
    assert flushed == []
    files.sync_tree(inner.parent)
    assert set(flushed) == {inner.parent, inner, inner / "one", inner / "two"}
    assert len(flushed) == 4
