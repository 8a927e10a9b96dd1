"""The audit in the store: complete, ordered, and closed to whoever would change it."""

import time
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import delete, text, update

from tests.trove.world import wanted
from trove.db import audit, endings, operations, schema
from trove.db.commands import Commands
from trove.db.store import Store
from trove.db.views import Audited, Scope

DAY = 24 * 3600.0
ASKED: dict[str, Any] = {
    "request_id": "req-1", "project_id": "p", "user_id": "anna", "roles": frozenset({"member", "reader"}),
    "how": "token", "address": "192.0.2.7", "action": "DELETE /x", "path": "/x", "instance_id": None}


def rows(store: Store, **narrow: Any) -> tuple[Audited, ...]:
    return audit.Audit(store).page(Scope.EVERY_PROJECT, 100, **narrow).items


def test_a_row_is_completed_once_and_never_changed(store: Store) -> None:
    kept = audit.Audit(store)
    row_id = kept.begin(**ASKED)
    assert [(row.outcome, row.status) for row in rows(store)] == [("unknown", None)]
    kept.end(row_id, 202, ("instance:delete",), 0.1)
    [row] = rows(store)
    assert (row.outcome, row.status, row.roles, row.rules) == ("done", 202, "member,reader", "instance:delete")
    for change in ({"status": 404}, {"user_id": "bert"}, {"outcome": "unknown"}):
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="written once"), store.write() as connection:
            connection.execute(update(schema.audit).values(**change))
    assert rows(store) == (row,)


def test_what_stands_before_the_outcome_is_not_changed_with_it(store: Store) -> None:
    audit.Audit(store).begin(**ASKED)
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="written once"), store.write() as connection:
        connection.execute(update(schema.audit).values(outcome="done", user_id="bert"))


def test_nobody_removes_a_row_within_a_week(store: Store) -> None:
    kept = audit.Audit(store, clock=lambda: time.time() - 6.9 * DAY)
    kept.begin(**ASKED)
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="written once"), store.write() as connection:
        connection.execute(delete(schema.audit))
    assert len(rows(store)) == 1


def test_long_work_ends_under_the_request_of_who_asked_for_it(store: Store, commands: Commands) -> None:
    asked = commands.create_instance("p", wanted(), request_id="req-9")
    with store.write() as connection:
        operations.begin(connection, asked.operation_id, "e")
        endings.cancel(connection, asked.operation_id)
    [row] = rows(store)
    assert (row.action, row.outcome, row.request_id, row.instance_id, row.project_id, row.user_id) == (
        "operation.create", "cancelled", "req-9", asked.instance_id, "p", "system")


def test_what_the_control_plane_does_of_itself_is_there_too(store: Store, commands: Commands) -> None:
    asked = commands.create_instance("p", wanted(), request_id="req-9")
    with store.write() as connection:
        audit.note(connection, "guest.refused", asked.instance_id, "refused")
    [row] = rows(store, instance_id=asked.instance_id)
    assert (row.action, row.outcome, row.how) == ("guest.refused", "refused", "system")


def test_a_flood_of_refused_looks_leaves_a_row_a_minute(store: Store) -> None:
    now = [1000.0]
    kept = audit.Audit(store, clock=lambda: now[0])
    for second in range(120):
        now[0] = 1000.0 + second
        kept.refuse(403, **ASKED)
    kept.refuse(403, **ASKED | {"user_id": "bert"})
    assert [row.user_id for row in rows(store)] == ["anna", "anna", "bert"]


def test_pages_are_narrowed(store: Store) -> None:
    kept = audit.Audit(store)
    for user, project in (("anna", "p"), ("bert", "p"), ("anna", "q")):
        kept.end(kept.begin(**ASKED | {"user_id": user, "project_id": project}), 200 if user == "anna" else 409, (), 0)
    assert [row.project_id for row in rows(store, user_id="anna")] == ["p", "q"]
    assert [row.user_id for row in rows(store, ended="refused")] == ["bert"]
    assert [row.user_id for row in kept.page("p", 1).items] == ["anna"]
    assert kept.page("p", 1).next_marker is not None and kept.page("p", 2).next_marker is None
    assert rows(store, since=time.time() + 1) == ()


def test_the_store_says_so_to_others_as_well(store: Store) -> None:
    """Not by our code alone: by plain SQL."""
    audit.Audit(store).begin(**ASKED)
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="written once"), store.write() as connection:
        connection.execute(text("DELETE FROM audit"))


def test_no_other_statement_gets_past_it(store: Store) -> None:
    kept = audit.Audit(store)
    kept.end(kept.begin(**ASKED), 200, (), 0.1)
    way = "TRUNCATE audit"
    if store.kind == "sqlite":
        way = ("INSERT OR REPLACE INTO audit (id, at, project_id, user_id, roles, how, address, action, path, rules, "
               "outcome) VALUES ((SELECT min(id) FROM audit), 0, '', '', '', '', '', '', '', '', 'done')")
    before = rows(store)
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="written once"), store.write() as connection:
        connection.exec_driver_sql(way)
    assert rows(store) == before


def test_long_work_is_named_in_the_transaction_that_asks_for_it(store: Store, commands: Commands) -> None:
    row_id = audit.Audit(store).begin(**ASKED)
    with audit.of_request(row_id):
        asked = commands.create_instance("p", wanted(), request_id="req-1")
        with pytest.raises(RuntimeError), store.write() as connection:
            operations.insert(connection, "0" * 36, asked.instance_id, "p", "restart", "req-1")
            raise RuntimeError
    commands.delete_instance("p", asked.instance_id, request_id="req-2")
    row = rows(store)[0]
    assert (row.outcome, row.operation_id, row.instance_id) == ("unknown", asked.operation_id, asked.instance_id)
    for change in ({"operation_id": "x"}, {"operation_id": None}, {"instance_id": "x"}):
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="written once"), store.write() as connection:
            connection.execute(update(schema.audit).where(schema.audit.c.id == row_id).values(**change))


def test_whom_nobody_knows_cannot_fill_the_store(store: Store) -> None:
    now = [1000.0]
    kept = audit.Audit(store, clock=lambda: now[0])
    for number in range(20):
        kept.refuse(401, **ASKED | {"user_id": "", "project_id": f"p{number}", "path": f"/{number}"})
    assert [row.project_id for row in rows(store)] == ["p0"]
    for number in range(audit.MOST_REFUSED + 20):
        kept.refuse(401, **ASKED | {"user_id": "", "address": f"2001:db8::{number:x}"})
    assert len(kept.page(Scope.EVERY_PROJECT, 1000).items) == audit.MOST_REFUSED
    now[0] += audit.QUIET
    kept.refuse(401, **ASKED | {"user_id": "", "address": "2001:db8::ffff"})
    assert len(kept.page(Scope.EVERY_PROJECT, 1000).items) == audit.MOST_REFUSED + 1


def test_rows_from_a_time_on_though_clocks_differ(store: Store) -> None:
    for at in (1000.0, 5000.0, 4900.0, 5100.0):
        audit.Audit(store, clock=lambda at=at: at).begin(**ASKED)
    assert [row.at for row in rows(store, since=4990.0)] == [5000.0, 5100.0]
    assert [row.at for row in rows(store, since=0.0)] == [1000.0, 5000.0, 4900.0, 5100.0]


def test_all_rows_are_read_a_few_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_TOGETHER", 2)
    kept = audit.Audit(store)
    ids = [kept.begin(**ASKED) for _ in range(5)]
    assert [row.id for row in kept.rows("p", 100)] == ids
    assert [row.id for row in kept.rows("p", 3, ids[0])] == ids[1:4]
    assert list(kept.rows("q", 100)) == []
