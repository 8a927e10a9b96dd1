"""How many there are: instances and operations in groups, one statement each, whatever their number."""

from msgspec import Struct
from sqlalchemy import Connection, case, func, select

from . import schema
from .operations import UNENDED

_i, _o = schema.instances.c, schema.operations.c


class Instances(Struct, frozen=True):
    """Living instances alike. ``oldest``: the earliest of their last heartbeats, None when they have none."""

    task: str
    observed: str
    fresh: bool
    count: int
    oldest: float | None


class Operations(Struct, frozen=True):
    """Operations under way in one step; ``late`` of them are past its deadline."""

    kind: str
    step: str
    count: int
    late: int


def instances(connection: Connection, fresh_since: float) -> tuple[Instances, ...]:
    """Grouped by task, observed status, and whether the last heartbeat came after ``fresh_since``."""
    fresh = case((_i.observed_at >= fresh_since, 1), else_=0).label("fresh")
    query = (select(_i.task, _i.observed_status, fresh, func.count(), func.min(_i.observed_at))
             .where(_i.deleted_at.is_(None)).group_by(_i.task, _i.observed_status, fresh))
    return tuple(Instances(task, observed, bool(is_fresh), count, oldest)
                 for task, observed, is_fresh, count, oldest in connection.execute(query))


def operations(connection: Connection, now: float) -> tuple[Operations, ...]:
    """Grouped by kind and step; those that have ended are not looked at."""
    late = func.sum(case((_o.deadline < now, 1), else_=0))
    query = (select(_o.kind, _o.step, func.count(), late).where(_o.state.in_(UNENDED)).group_by(_o.kind, _o.step))
    return tuple(Operations(kind, step, count, int(over)) for kind, step, count, over in connection.execute(query))
