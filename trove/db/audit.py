"""The audit: who asked for what, when, from where, with which outcome. Rows are written once and completed once.

A request that changes something has its row before it is worked on, so that no death of ours leaves a change without
one: the outcome is ``unknown`` then. The transaction that asks for long work names it in the row of its request, so
that an unknown outcome still tells whether that was begun. Triggers of the store refuse any other change of a row, and
its removal within a week, whoever asks for it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, Select, func, literal, select, update
from sqlalchemy.engine import Row

from . import schema
from .store import Store
from .views import Audited, Page, Project, Scope

UNKNOWN = "unknown"
OUTCOMES = (UNKNOWN, "done", "refused", "failed", "cancelled")
SETTLED = 600.0
"""Seconds after which a row is at rest: no request takes so long, and an outcome that comes later is not taken."""
KEPT_AT_LEAST = 7 * 24 * 3600.0
"""Seconds; part of the store's triggers."""
QUIET = 60.0
"""Seconds for which what was refused like a request before is not written down again."""
MOST_REFUSED = 200
"""Kinds of refused requests that are written down within that time; of more, nobody can read them anyway."""
DISORDER = 300.0
"""Seconds by which times may differ from the order of ids: clocks of several machines, and transactions that last."""

_TOGETHER = 500
_table = schema.audit
_a, _o, _i = _table.c, schema.operations.c, schema.instances.c
_COLUMNS = [_a[name] for name in Audited.__struct_fields__]
_OWNED = {"instance_id": schema.instances.c, "operation_id": _o, "configuration": schema.configurations.c}
_request: ContextVar[int | None] = ContextVar("audited_request", default=None)


class Audit:
    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._refused: dict[tuple[object, ...], float] = {}
        self._lock = threading.Lock()

    def begin(self, *, roles: frozenset[str], **asked: str | None) -> int:
        """The id of a row whose outcome is to be told. It is on the disk when anything is that comes after it.

        ``asked``: ``request_id``, ``project_id``, ``user_id``, ``how``, ``address``, ``action``, ``path``,
        ``instance_id``.
        """
        return self._insert(roles, asked, rules="", outcome=UNKNOWN)

    def end(self, row_id: int, status: int, rules: tuple[str, ...], seconds: float, made: str | None = None) -> None:
        """``status`` is of HTTP."""
        with self._store.write(lasting=False) as connection:
            connection.execute(update(_table).where(_a.id == row_id, _a.at > self._clock() - SETTLED).values(
                status=status, outcome=outcome(status), rules=",".join(rules), seconds=seconds, made=made))

    def refuse(self, status: int, rules: tuple[str, ...] = (), *, roles: frozenset[str], **asked: str | None) -> None:
        """Somebody who may not, or whom nobody knows; ``asked`` as for ``begin``. Told once a minute of the same, or
        who asks fills the store."""
        # whom nobody knows has no project: the path may name another one each time
        known = asked["project_id"] if asked["user_id"] else ""
        if self._is_new((known, asked["user_id"], asked["address"], asked["action"], asked["instance_id"], status)):
            self._insert(roles, asked, rules=",".join(rules), status=status, outcome=outcome(status))

    def is_of(self, project: str, part: str, key: str) -> bool:
        """Whether the project has, or had, what this part of a path names; True for parts that no project has."""
        if part not in _OWNED:
            return True
        columns = _OWNED[part]
        with self._store.read() as connection:
            query = select(columns.id).where(columns.id == key, columns.project_id == project)
            return connection.execute(query).first() is not None

    def rows(self, project: Project, most: int, after: int = 0, **narrow: Any) -> Iterator[Audited]:
        """At most ``most``, as ``page`` gives them; few at a time are in memory."""
        while most > 0:
            page = self.page(project, min(most, _TOGETHER), after, **narrow)
            yield from page.items
            if page.next_marker is None:
                return
            most, after = most - len(page.items), page.items[-1].id

    def _insert(self, roles: frozenset[str], asked: dict[str, str | None], **more: Any) -> int:
        with self._store.write(lasting=False) as connection:
            made = connection.execute(_table.insert().values(
                at=self._clock(), roles=",".join(sorted(roles)), **asked, **more).returning(_a.id))
            row_id: int = made.scalar_one()
        return row_id

    def _is_new(self, kind: tuple[object, ...]) -> bool:
        now = self._clock()
        with self._lock:
            self._refused = {each: at for each, at in self._refused.items() if now - at < QUIET}
            if kind in self._refused or len(self._refused) >= MOST_REFUSED:
                return False
            self._refused[kind] = now
        return True

    def page(self, project: Project, limit: int, after: int = 0, *, since: float | None = None,
             instance_id: str | None = None, user_id: str | None = None, ended: str | None = None) -> Page[Audited]:
        """At most ``limit`` behind the id ``after``, the oldest first; ``ended`` is one of ``OUTCOMES``."""
        query = select(*_COLUMNS).where(_a.id > after).order_by(_a.id).limit(limit + 1)
        if not isinstance(project, Scope):
            query = query.where(_a.project_id == project)
        if since is not None:
            earlier = select(_a.id).where(_a.at < since - DISORDER).order_by(_a.at.desc()).limit(1).scalar_subquery()
            query = query.where(_a.at >= since, _a.id > func.coalesce(earlier, 0))
        for column, wanted in ((_a.instance_id, instance_id), (_a.user_id, user_id), (_a.outcome, ended)):
            query = query if wanted is None else query.where(column == wanted)
        return self._page(query, limit)

    def _page(self, query: Select, limit: int) -> Page[Audited]:  # type: ignore[type-arg]
        with self._store.read() as connection:
            rows = tuple(_audited(row) for row in connection.execute(query))
        return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)


def outcome(status: int) -> str:
    """Of a request that was answered so."""
    return "done" if status < 400 else "refused" if status < 500 else "failed"


@contextmanager
def of_request(row_id: int) -> Iterator[None]:
    """What is asked of the store in this block is asked by the request of this row."""
    token = _request.set(row_id)
    try:
        yield
    finally:
        _request.reset(token)


def note_asked(connection: Connection, operation_id: str, instance_id: str) -> None:
    """Long work is asked for, in the transaction that says so: the request's row tells which."""
    if (row_id := _request.get()) is not None:
        connection.execute(update(_table).where(_a.id == row_id, _a.operation_id.is_(None)).values(
            operation_id=operation_id, instance_id=func.coalesce(_a.instance_id, instance_id)))


def note_end(connection: Connection, operation_id: str, state: str) -> None:
    """Long work has ended, in the transaction that says so: under the request id of who asked for it."""
    found = (select(literal(time.time()), _o.request_id, _o.project_id, _o.instance_id, _o.id,
                    literal("operation.") + _o.kind, literal(state), *map(literal, _BY_US.values()))
             .where(_o.id == operation_id))
    connection.execute(_table.insert().from_select(
        ["at", "request_id", "project_id", "instance_id", "operation_id", "action", "outcome", *_BY_US], found))


def note(connection: Connection, action: str, instance_id: str, ended: str) -> None:
    """Something that the control plane did or refused of itself, about an instance."""
    found = (select(literal(time.time()), _i.project_id, _i.id, literal(action), literal(ended),
                    *map(literal, _BY_US.values())).where(_i.id == instance_id))
    connection.execute(_table.insert().from_select(
        ["at", "project_id", "instance_id", "action", "outcome", *_BY_US], found))


_BY_US = {"user_id": "system", "roles": "", "how": "system", "address": "", "path": "", "rules": ""}


def _audited(row: Row) -> Audited:  # type: ignore[type-arg]
    return Audited(*row)
