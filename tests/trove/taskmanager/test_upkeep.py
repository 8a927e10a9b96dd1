"""Ended flows and operations are forgotten together; what is under way is left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy

from tests.trove import postgresql
from tests.trove.world import World
from trove.db import schema
from trove.taskmanager import durable
from trove.taskmanager.upkeep import DAY, Pruner

pytestmark = pytest.mark.slow


def age(world: World, days: float) -> None:
    """Everything in the store was that many days earlier."""
    with world.store.write() as connection:
        connection.execute(sqlalchemy.update(schema.operations).values(
            updated=schema.operations.c.updated - days * DAY, created=schema.operations.c.created - days * DAY))


def forget_the_old(world: World, flows: list[str]) -> None:
    deleted, kept = world.create(), world.create()
    for each in (deleted, kept):
        assert world.ended(each).state == "done"
    removal = world.delete(deleted.instance_id)
    assert world.ended(removal).state == "done"
    age(world, 31)
    world.guests.slow.add("prepare")
    slow = world.create()
    world.until(lambda: world.guests.journal(slow.instance_id))
    pruner = Pruner(world.store, 30, durable.forget)
    assert pruner.prune() == 2
    assert pruner.prune() == 0
    flows.extend((kept.operation_id, slow.operation_id))
    world.guests.slow.clear()
    world.guests.finish(slow.instance_id, "prepare", f"{slow.operation_id}.prepare")
    assert world.ended(slow).state == "done"
    assert world.ended(kept).state == "done"


def flows_of(url: str) -> set[str]:
    engine = sqlalchemy.create_engine(url)
    schema_of = "dbos." if url.startswith("postgresql") else ""
    with engine.connect() as connection:
        found = {row[0] for row in connection.exec_driver_sql(f"SELECT workflow_uuid FROM {schema_of}workflow_status")}
    engine.dispose()
    return found


def test_what_ended_long_ago_is_forgotten_with_its_flow(world: World) -> None:
    left: list[str] = []
    forget_the_old(world, left)
    assert flows_of(f"sqlite:///{world.root}/dbos.sqlite") == set(left)
    with closing(sqlite3.connect(world.root / "dbos.sqlite")) as flows:
        tables = [row[0] for row in flows.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert "operation_outputs" in tables
        told = {row[0] for row in flows.execute("SELECT DISTINCT workflow_uuid FROM operation_outputs")}
    assert told == set(left)


@pytest.mark.server
def test_the_same_in_postgresql(tmp_path: Path, postgresql_server: str) -> None:
    url, left = postgresql.new_database(postgresql_server), list[str]()
    world = World(tmp_path, url=url)
    world.manager.start()
    try:
        forget_the_old(world, left)
        assert flows_of(url) == set(left)
    finally:
        world.close()


@pytest.mark.parametrize(("days", "batches"), [(30, 1), (0, 0)])
def test_a_batch_now_and_then_and_none_when_everything_is_kept(
        monkeypatch: pytest.MonkeyPatch, world: World, days: int, batches: int) -> None:
    done: list[int] = []
    pruner = Pruner(world.store, days, lambda ids: None)
    monkeypatch.setattr(pruner, "prune", lambda: done.append(days))
    pruner.turn()
    pruner.turn()
    assert len(done) == batches
