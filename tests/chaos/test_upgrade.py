"""A new release takes over from an old one in the middle of a creation, a restart and a deletion."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import ground, ledger
from tests.awaiting import until
from tests.chaos import next_release
from tests.installation import BIN, CommandFailed, Installation, installation, kill, sql

pytestmark = [pytest.mark.server, pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def newer() -> Iterator[Path]:
    with ground.directory() as directory:
        yield next_release.make(directory / "next")


def operations(made: Installation, columns: str = "id, kind, state, step") -> list[sqlite3.Row]:
    with closing(sqlite3.connect(f"file:{made.state / 'trove.sqlite'}?mode=ro", uri=True)) as store:
        store.row_factory = sqlite3.Row
        return store.execute(f"SELECT {columns} FROM operations ORDER BY created").fetchall()


def under_way(made: Installation) -> dict[str, str]:
    """The step of each operation that has begun and not ended, by kind."""
    return {row["kind"]: row["step"] for row in operations(made) if row["state"] == "running" and row["step"]}


def replaced(made: Installation) -> None:
    """``up`` of the new release ends the old one by SIGTERM."""


def killed(made: Installation) -> None:
    kill(made.pid)


@pytest.mark.parametrize("ended", [replaced, killed])
@pytest.mark.parametrize("step", ["place", "prepare"])
def test_flows_under_way_come_to_their_end(newer: Path, ended: Callable[[Installation], None], step: str) -> None:
    with ground.directory() as directory, installation(directory / "state") as made:
        restarted, deleted = made.create("restarted"), made.create("deleted")
        for instance in (restarted, deleted):
            made.healthy(instance)
        created = made.create("created")
        until(lambda: under_way(made).get("create") == step, 60, f"the creation is at {step}", every=0.01)
        assert made.request("POST", f"/instances/{restarted}/action", {"restart": {}})[0] == 202
        made.delete(deleted)
        until(lambda: len(under_way(made)) == 3 or "create" not in under_way(made), 20, "all are under way", every=0.01)
        interrupted = under_way(made)
        ended(made)
        made.programs = newer
        made.up()
        print(f"interrupted: {interrupted}")
        assert "create" in interrupted and len(interrupted) >= 2
        until(lambda: all(row["state"] == "done" for row in operations(made)), 120, "all are done")
        for instance in (restarted, created):
            assert sql(made.healthy(instance), "anna", "secret-anna", "SELECT 1") == ["1"]
        made.gone(deleted)
        marks = [row["kind"] for row in operations(made, "kind, mark") if row["mark"] == "marked"]
        assert "create" in marks, "what the new release added was done"
        ledger.balanced(made.state, {restarted, created}, 60)
        refuses_the_newer_store(made)


def refuses_the_newer_store(made: Installation) -> None:
    """The old release; the new one goes on with it afterwards."""
    newer, made.programs = made.programs, BIN
    with pytest.raises(CommandFailed, match="The store is of a newer release than this program"):
        made.up()
    made.programs = newer
    made.up()
    assert made.request("GET", "/instances")[0] == 200
