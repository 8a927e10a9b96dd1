"""The chain over the audit: made of what is at rest, and broken by whoever is at the store without the key."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy

from tests.trove.db.test_audit import ASKED, DAY, rows
from trove.db import audit, audit_chain
from trove.db.audit_chain import ADDED, CHANGED, CUT, MISSING, VERDICTS, WHOLE, Chain
from trove.db.store import Store

NOW = time.time()


def fill(store: Store, count: int = 4, at: float = NOW) -> None:
    kept = audit.Audit(store, clock=lambda: at)
    for _ in range(count):
        kept.end(kept.begin(**ASKED), 200, ("instance:create",), 0.1234)


def extended(store: Store, at: float = NOW + audit.SETTLED + audit_chain.PATIENCE) -> bool:
    return Chain(store, clock=lambda: at).extend()


def verdicts(store: Store, limit: int = 100, after: int = 0) -> list[str]:
    return [link.verdict for link in Chain(store).page(limit, after).items]


@pytest.fixture
def three(store: Store) -> Store:
    """Of four rows each."""
    for _ in range(3):
        fill(store)
        assert extended(store)
    assert verdicts(store) == [WHOLE] * 3
    return store


def behind_our_back(store: Store, *statements: str) -> None:
    """By whoever may do everything to the store: the triggers are taken away."""
    with store.write() as connection:
        if store.kind == "postgresql":
            for table in ("audit", "audit_chain"):
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
            for name in names:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.exec_driver_sql(statement)


_COPIED = "at, project_id, user_id, roles, how, address, action, path, rules, outcome"
COPY = f"INSERT INTO audit (id, {_COPIED}) SELECT {{new}}, {_COPIED} FROM audit WHERE id = 1"
DEEDS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "a row is changed": (("UPDATE audit SET user_id = 'bert' WHERE id = 6",), [WHOLE, CHANGED, WHOLE]),
    "its time is changed": (("UPDATE audit SET at = at + 0.001 WHERE id = 12",), [WHOLE, WHOLE, CHANGED]),
    "a row is removed": (("DELETE FROM audit WHERE id = 1",), [MISSING, WHOLE, WHOLE]),
    "a row is put in the place of another": (("DELETE FROM audit WHERE id = 6", COPY.format(new=6)),
                                             [WHOLE, CHANGED, WHOLE]),
    "a link is removed": (("DELETE FROM audit_chain WHERE id = 2",), [WHOLE, CUT]),
    "a link is removed with its rows": (
        ("DELETE FROM audit_chain WHERE id = 2", "DELETE FROM audit WHERE id BETWEEN 5 AND 8"), [WHOLE, CUT]),
    "the first link is removed": (("DELETE FROM audit_chain WHERE id = 1",), [CUT, WHOLE]),
    "a link tells of less": (
        ("UPDATE audit_chain SET rows = 3, last = 7 WHERE id = 2", "DELETE FROM audit WHERE id = 8"),
        [WHOLE, CHANGED, CUT]),
    "a link follows another": (("UPDATE audit_chain SET previous = 'x' WHERE id = 3",), [WHOLE, WHOLE, CUT]),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_is_done_behind_our_back_is_noticed(three: Store, deed: str) -> None:
    statements, noticed = DEEDS[deed]
    behind_our_back(three, *statements)
    assert verdicts(three) == noticed
    assert [found for after in range(len(noticed) + 1) for found in verdicts(three, 1, after)][-1] == noticed[-1]


def test_an_added_row_is_noticed(store: Store) -> None:
    fill(store, 3)
    behind_our_back(store, "DELETE FROM audit WHERE id = 2")
    extended(store)
    behind_our_back(store, COPY.format(new=2))
    assert verdicts(store) == [ADDED]


def test_every_verdict_has_a_meaning() -> None:
    assert set(VERDICTS) == {WHOLE, CHANGED, MISSING, ADDED, CUT}


def test_another_key_makes_no_digest_that_does(three: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(three.vault, "_digest_key", b"k" * 64)
    assert verdicts(three) == [CHANGED] * 3


def test_only_what_is_at_rest_comes_into_it(store: Store) -> None:
    fill(store, 2)
    assert not extended(store, NOW + audit.SETTLED + 1), "few rows wait for more"
    fill(store, 1, NOW + 2000)
    assert extended(store, NOW + 1999)
    [link] = Chain(store).page(10).items
    assert (link.after, link.last, link.rows) == (0, 2, 2)
    assert not extended(store, NOW + 2100)


def test_many_rows_at_rest_make_links_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_chain, "LONGEST", 2)
    fill(store, 5)
    assert [extended(store, NOW + audit.SETTLED + 1) for _ in range(3)] == [True, True, False]
    page = Chain(store).page(1)
    assert [link.last for link in page.items] == [2] and page.next_marker == "1"


def test_an_outcome_does_not_come_after_the_row_is_at_rest(store: Store) -> None:
    now = [NOW]
    kept = audit.Audit(store, clock=lambda: now[0])
    row_id = kept.begin(**ASKED)
    extended(store)
    now[0] += audit.SETTLED + 1
    kept.end(row_id, 200, (), 700.0)
    assert [row.outcome for row in rows(store)] == ["unknown"] and verdicts(store) == [WHOLE]


@pytest.fixture
def aged(store: Store) -> Iterator[Store]:
    for days in (500, 450, 8):
        fill(store, 2, NOW - days * DAY)
        assert extended(store, NOW - days * DAY + 7200)
    fill(store, 2)
    yield store


def test_old_links_go_with_their_rows_and_the_rest_is_whole(aged: Store) -> None:
    def pruned(days: float, most: int = 100) -> int:
        with aged.write() as connection:
            return audit_chain.prune(connection, NOW - days * DAY, most)
    assert pruned(400, most=2) == 2
    assert verdicts(aged) == [WHOLE, WHOLE] and len(rows(aged)) == 6
    assert pruned(400) == 2 and pruned(400) == 0
    assert pruned(7.5) == 2 and pruned(-1) == 0
    extended(aged)
    assert verdicts(aged) == [WHOLE]


CLOSED: dict[str, Any] = {
    "changed": "UPDATE audit_chain SET rows = 1", "removed": "DELETE FROM audit_chain WHERE id = 3",
    "emptied": {"postgresql": "TRUNCATE audit_chain",
                "sqlite": "INSERT OR REPLACE INTO audit_chain SELECT * FROM audit_chain"}}


@pytest.mark.parametrize("how", CLOSED)
def test_the_store_refuses_a_change_of_the_chain(three: Store, how: str) -> None:
    statement = CLOSED[how] if isinstance(CLOSED[how], str) else CLOSED[how][three.kind]
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="written once"), three.write() as connection:
        connection.exec_driver_sql(statement)
    assert verdicts(three) == [WHOLE] * 3
