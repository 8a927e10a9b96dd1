"""What is written where, on kernels with control groups of either version, as trees of files."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import HostFailed
from troveguest.place import limits

INSTANCE = "00000000-0000-4000-8000-000000000001"
V2_FILES = ("memory.max", "memory.high", "cpu.max", "pids.max", "cgroup.procs", "cgroup.controllers")
V1_FILES = {"memory": ("memory.limit_in_bytes",), "cpu": ("cpu.cfs_period_us", "cpu.cfs_quota_us"),
            "pids": ("pids.max",)}


class Tree:
    """``/sys/fs/cgroup``: a new directory gets the files that the kernel puts into one there."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._mkdir, self._remove = Path.mkdir, os.rmdir
        monkeypatch.setattr(limits, "ROOT", root)
        monkeypatch.setattr(limits.commands, "is_root", lambda: True)
        monkeypatch.setattr(limits.commands, "is_systemd", lambda: False)
        monkeypatch.setattr(limits.os, "rmdir", self._rmdir)
        monkeypatch.setattr(Path, "mkdir", lambda path, *words, **named: self.make(path, *words, **named))

    def second(self, controllers: str = "cpuset cpu io memory hugetlb pids rdma") -> None:
        """Version 2 alone."""
        for name, text in (("cgroup.controllers", controllers), ("cgroup.subtree_control", ""), ("cgroup.procs", "")):
            (self.root / name).write_text(f"{text}\n")

    def first(self) -> None:
        """Version 1, with version 2 beside it for nothing but systemd's bookkeeping."""
        for controller, files in V1_FILES.items():
            self._fill(self.root / controller, (*files, "cgroup.procs"))
        (self.root / "memory" / "memory.limit_in_bytes").touch()
        self._fill(self.root / "unified", ("cgroup.procs", "cgroup.controllers"))

    def make(self, path: Path, *words: object, **named: object) -> None:
        self._mkdir(path, *words, **named)  # type: ignore[arg-type]
        if path.parent == self.root:
            self._fill(path, V2_FILES)
        elif path.parent.parent == self.root:
            self._fill(path, (*V1_FILES[path.parent.name], "cgroup.procs"))

    def _fill(self, path: Path, files: tuple[str, ...]) -> None:
        self._mkdir(path, exist_ok=True)
        for file in files:
            (path / file).touch()

    def _rmdir(self, path: Path) -> None:
        if not path.exists():
            raise FileNotFoundError(path)
        if (path / "cgroup.procs").read_text():
            raise OSError(errno.EBUSY, "busy")
        for file in path.iterdir():
            file.unlink()
        self._remove(path)

    def values(self, at: str) -> dict[str, str]:
        return {file.name: text for file in (self.root / at).iterdir() if (text := file.read_text())}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    with monkeypatch.context() as patched:
        yield Tree(tmp_path, patched)


def ensure(memory_mb: int = 512, vcpus: int = 2) -> limits.Limits:
    return limits.ensure(INSTANCE, memory_mb, vcpus, Path("/nonexistent"))


def test_version_2_alone(tree: Tree) -> None:
    tree.second()
    group = tree.root / f"trove-{INSTANCE}"
    assert ensure() == limits.Limits(limits.V2, (group / "cgroup.procs",))
    assert (tree.root / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"
    assert tree.values(group.name) == {
        "memory.max": str(512 << 20), "cpu.max": "200000 100000", "pids.max": str(limits.PROCESSES)}
    ensure(1024, 1)
    assert tree.values(group.name)["memory.max"] == str(1024 << 20)
    assert tree.values(group.name)["cpu.max"] == "100000 100000"
    assert set(limits.read(INSTANCE)) == {f"the limit {name}" for name in ("memory.max", "cpu.max", "pids.max")}
    assert limits.roots() == (tree.root / "cgroup.procs",)


def test_version_2_alone_without_every_controller(tree: Tree) -> None:
    tree.second("memory pids")
    assert ensure().kind == limits.V2
    assert (tree.root / "cgroup.subtree_control").read_text() == "+memory +pids"
    assert set(tree.values(f"trove-{INSTANCE}")) == {"memory.max", "pids.max"}


def test_what_is_in_the_groups_and_that_they_go(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.second()
    procs = ensure().joins[0]
    procs.write_text("17\n4711\n")
    assert limits.members(INSTANCE) == {17, 4711}
    monkeypatch.setattr(limits, "_PATIENCE", 0.0)
    with pytest.raises(HostFailed, match="is still in use"):
        limits.remove(INSTANCE)
    procs.write_text("")
    limits.remove(INSTANCE)
    assert not procs.parent.exists()
    limits.remove(INSTANCE)


def test_version_2_whose_controllers_are_not_given_away(tree: Tree) -> None:
    """As in a container that has processes in its root: nothing is limited, it is said, and no group stays."""
    tree.second()
    (tree.root / "cgroup.subtree_control").unlink()
    (tree.root / "cgroup.subtree_control").mkdir()
    found = ensure()
    assert (found.kind, found.joins) == (limits.NONE, ()) and "cgroup.subtree_control" in found.note
    assert not (tree.root / f"trove-{INSTANCE}").exists()


def test_version_1_with_an_empty_version_2_beside_it(tree: Tree) -> None:
    tree.first()
    found = ensure()
    name = f"trove-{INSTANCE}"
    assert found.kind == limits.V1
    assert found.joins == tuple(tree.root / each / name / "cgroup.procs" for each in ("memory", "cpu", "pids"))
    assert tree.values(f"memory/{name}") == {"memory.limit_in_bytes": str(512 << 20)}
    assert tree.values(f"cpu/{name}") == {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "200000"}


def test_neither(tree: Tree) -> None:
    assert "no memory controller" in ensure().note
