"""Events: what happened to instances, a sentence each, in an order that whoever follows may trust.

They are written at the end of the transaction whose work they tell of. On PostgreSQL a lock that lasts until the commit
makes these ends take turns, so that ids rise in the order of the commits: who has read up to an id has missed nothing
below it. (SQLite has one writer at a time anyway.) No transaction takes another lock behind this one, and the table
refers to no other, whose rows would be locked: so the lock is part of no deadlock. Ids have gaps, and none comes twice.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Insert, Select, bindparam, delete, select, text
from sqlalchemy.engine import Row

from common.openstack import context
from trove.domain.events import EventKind

from . import schema
from .views import Event, Page, Project, Scope

LONGEST = 1000
"""Characters of a sentence; agents' words are in some."""

_TURN = 0x6576656E7473  # "events"
_NOTED = "trove_events"

_table = schema.events
_e, _i, _o = _table.c, schema.instances.c, schema.operations.c
_COLUMNS = [_e[name] for name in Event.__struct_fields__]
_GIVEN = ("at", "kind", "step", "was", "became", "sentence")
_FOUND = ("instance_id", "instance_name", "project_id", "operation_id", "request_id")


def note(connection: Connection, kind: EventKind, instance_id: str, sentence: str, *, was: str | None = None,
         became: str | None = None) -> None:
    """To be written with the transaction of ``Store.write`` that ``connection`` has open."""
    _note(connection, kind, sentence, was=was, became=became, key=instance_id,
          request_id=context.current().request_id[:64] or None)


def note_operation(connection: Connection, kind: EventKind, operation_id: str, sentence: str, step: str = "") -> None:
    """The same of an operation: its instance and its request are looked up."""
    _note(connection, kind, sentence, step=step or None, key=operation_id)


@contextmanager
def collected(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """Writes what is noted in the block, when that ends well; then nothing else may be done before the commit."""
    noted: list[dict[str, Any]] = []
    connection.info[_NOTED] = noted
    try:
        yield noted
        if noted:
            _write(connection, noted)
    finally:
        del connection.info[_NOTED]


def page(connection: Connection, project: Project, limit: int, after: int = 0, since: float | None = None,
         instance_id: str | None = None) -> Page[Event]:
    """At most ``limit`` behind the id ``after`` and from the time ``since`` on, the oldest first.

    A constant number of SQL statements.
    """
    if since is not None:
        earlier = _of(select(_e.id), project, instance_id).where(_e.at < since).order_by(_e.at.desc()).limit(1)
        after = max(after, connection.execute(earlier).scalar_one_or_none() or 0)
    query = _of(select(*_COLUMNS), project, instance_id).where(_e.id > after).order_by(_e.id).limit(limit + 1)
    items = tuple(_event(row) for row in connection.execute(query))
    return Page(items[:limit], str(items[limit - 1].id) if len(items) > limit else None)


def prune(connection: Connection, before: float, most: int) -> int:
    """Removes those from before that time among the ``most`` oldest; how many."""
    oldest = select(_e.id, _e.at).order_by(_e.id).limit(most).subquery()
    old = select(oldest.c.id).where(oldest.c.at < before)
    return connection.execute(delete(_table).where(_e.id.in_(old))).rowcount


def _note(connection: Connection, kind: EventKind, sentence: str, **more: str | None) -> None:
    plain = "".join(sign if sign.isprintable() else " " for sign in sentence[:LONGEST])
    empty: dict[str, Any] = dict.fromkeys(("step", "was", "became", "request_id"))
    connection.info[_NOTED].append(empty | {"at": time.time(), "kind": kind.value, "sentence": plain} | more)


def _write(connection: Connection, noted: list[dict[str, Any]]) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
    for one in noted:
        statement = _OF_OPERATION if one["kind"].startswith("operation.") else _OF_INSTANCE
        connection.execute(statement, {f"of_{name}": value for name, value in one.items()})


def _insertion(found: Select) -> Insert:  # type: ignore[type-arg]
    """``found``: what the columns ``_FOUND`` are to be."""
    given = (bindparam(f"of_{name}", type_=_e[name].type) for name in _GIVEN)
    return _table.insert().from_select([*_FOUND, *_GIVEN], found.add_columns(*given))


_OF_OPERATION = _insertion(
    select(_i.id, _i.name, _i.project_id, _o.id, _o.request_id)
    .join_from(schema.operations, schema.instances, _i.id == _o.instance_id).where(_o.id == bindparam("of_key")))
_OF_INSTANCE = _insertion(
    select(_i.id, _i.name, _i.project_id, bindparam("of_operation", None, _e.operation_id.type),
           bindparam("of_request_id", type_=_e.request_id.type)).where(_i.id == bindparam("of_key")))


def _of(query: Select, project: Project, instance_id: str | None) -> Select:  # type: ignore[type-arg]
    if instance_id is not None:
        query = query.where(_e.instance_id == instance_id)
    return query if isinstance(project, Scope) else query.where(_e.project_id == project)


def _event(row: Row) -> Event:  # type: ignore[type-arg]
    return Event(*row)
