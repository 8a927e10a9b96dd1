"""A chain over the audit: each link has a digest of some rows and of the link before, under the installation's key.

Who may write to the store and has not the key cannot change or remove a row that is in the chain, nor a link, without
being noticed. Rows come into it when they are at rest, so the newest ones are kept by the store's triggers alone; and
whoever removes the last links with their rows is noticed by who remembers the last digest.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
from sqlalchemy import Connection, delete, select, text
from sqlalchemy.engine import Row

from . import schema
from .audit import SETTLED
from .store import Store
from .views import Link, Page

LONGEST = 1000
"""Rows in a link at most."""
PATIENCE = 600.0
"""Seconds for which rows at rest wait for more, so that links of a quiet installation are few."""

_TURN = 0x6175646974  # "audit"
_a, _l = schema.audit.c, schema.audit_chain.c
# what a digest is of: never another order, and columns that come later have no part in it
_SEALED = [_a[name] for name in (
    "id", "at", "request_id", "project_id", "user_id", "roles", "how", "address", "action", "path", "instance_id",
    "rules", "status", "outcome", "seconds", "operation_id", "made")]

WHOLE, CHANGED, MISSING, ADDED, CUT = "whole", "changed", "rows are missing", "rows were added", "cut off"
VERDICTS = {
    WHOLE: "its rows are as they were",
    CHANGED: "a row of it, or the link itself, was changed",
    MISSING: "rows of it were removed",
    ADDED: "rows were put among it",
    CUT: "what was before it was removed, or was another",
}


class Chain:
    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def extend(self) -> bool:
        """Makes one link of what is at rest, when it is enough or has waited; whether it did."""
        now = self._clock()
        with self._store.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
            last = connection.execute(_LINKS.order_by(_l.id.desc()).limit(1)).one_or_none()
            after, previous = (last.last, last.digest) if last else (0, "")
            rows = _at_rest(connection, after, now - SETTLED)
            if not rows or (len(rows) < LONGEST and rows[0].at > now - SETTLED - PATIENCE):
                return False
            connection.execute(schema.audit_chain.insert().values(
                at=now, after=after, last=rows[-1].id, rows=len(rows), previous=previous,
                digest=self._digest(now, after, rows[-1].id, previous, rows)))
        return True

    def page(self, limit: int, after: int = 0) -> Page[Link]:
        """At most ``limit`` links behind that one, the oldest first, each held against its rows.

        A constant number of SQL statements.
        """
        with self._store.read() as connection:
            found = connection.execute(_LINKS.where(_l.id > after).order_by(_l.id).limit(limit + 1)).all()
            before = connection.execute(_LINKS.where(_l.id <= after).order_by(_l.id.desc()).limit(1)).one_or_none()
            links = found[:limit]
            judged = tuple(self._judged(connection, before, links)) if links else ()
        return Page(judged, str(links[-1].id) if len(found) > limit else None)

    def _judged(self, connection: Connection, before: Row | None,  # type: ignore[type-arg]
                links: Sequence[Row]) -> Iterator[Link]:  # type: ignore[type-arg]
        # of the first link, everything below it: what was pruned has no rows any more
        begin = 0 if before is None else min(before.last, links[0].after)
        rows = iter(connection.execute(select(*_SEALED).where(_a.id > begin, _a.id <= max(link.last for link in links))
                                       .order_by(_a.id).execution_options(yield_per=LONGEST)))
        row = next(rows, None)
        for link in links:
            mine: list[Row] = []  # type: ignore[type-arg]
            strays = 0
            while row is not None and row.id <= link.last:
                if row.id > link.after:
                    mine.append(row)
                else:
                    strays += 1
                row = next(rows, None)
            yield Link(link.id, link.at, link.after, link.last, link.rows, link.digest,
                       CUT if strays or not _follows(link, before) else self._verdict(link, mine))
            before = link

    def _verdict(self, link: Row, rows: Sequence[Row]) -> str:  # type: ignore[type-arg]
        if len(rows) != link.rows:
            return MISSING if len(rows) < link.rows else ADDED
        return WHOLE if self._digest(link.at, link.after, link.last, link.previous, rows) == link.digest else CHANGED

    def _digest(self, at: float, after: int, last: int, previous: str,
                rows: Sequence[Row]) -> str:  # type: ignore[type-arg]
        said = msgspec.json.encode((at, after, last, previous, [tuple(row) for row in rows]))
        return self._store.vault.fingerprint(_l.digest, said)


def prune(connection: Connection, before: float, most: int) -> int:
    """Removes links from before that time, more than a week ago, with their rows: those whose rows are ``most``
    together, or one. How many rows went."""
    through = count = 0
    for link in connection.execute(_LINKS.where(_l.at < before).order_by(_l.id).limit(most)):
        count += link.rows
        if through and count > most:
            break
        through, last = link.id, link.last
    if not through:
        return 0
    gone = connection.execute(delete(schema.audit).where(_a.id <= last)).rowcount
    connection.execute(delete(schema.audit_chain).where(_l.id <= through))
    return gone


_LINKS = select(_l.id, _l.at, _l.after, _l.last, _l.rows, _l.previous, _l.digest)


def _at_rest(connection: Connection, after: int, until: float) -> list[Row]:  # type: ignore[type-arg]
    """Up to the first that is younger."""
    found: list[Row] = []  # type: ignore[type-arg]
    for row in connection.execute(select(*_SEALED).where(_a.id > after).order_by(_a.id).limit(LONGEST)):
        if row.at > until:
            break
        found.append(row)
    return found


def _follows(link: Row, before: Row | None) -> bool:  # type: ignore[type-arg]
    """The first link that there is follows what was pruned."""
    return before is None or (link.after == before.last and link.previous == before.digest)
