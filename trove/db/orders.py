"""Orders to guests: operations of the contract. Flows write the upper half of a row, the conductor the lower."""

import time
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select, update

from common.contract.types import OperationState, Progress, Result
from common.errors import TroveError, from_code

from . import schema

STARTS = ("prepare", "restart")
"""The orders that start a server."""

LEEWAY = 5.0
"""Seconds by which the clock of a guest, as it is known here, may be wrong."""

_table = schema.guest_orders
_g = _table.c


@dataclass(frozen=True, slots=True)
class Order:
    """Where it stands. ``heard_at``: when its guest last spoke of it, seconds since 1970."""

    id: str
    state: OperationState | None
    sentence: str
    percent: float | None
    heard_at: float | None
    failure: TroveError | None


def ask(connection: Connection, order_id: str, instance_id: str, method: str) -> None:
    """Notes the order before it is sent; nothing to do when it is noted already."""
    if connection.execute(select(_g.id).where(_g.id == order_id)).first() is None:
        connection.execute(_table.insert().values(id=order_id, instance_id=instance_id, method=method,
                                                  asked_at=time.time()))


def get(connection: Connection, order_id: str) -> Order:
    """An order that was noted before."""
    row = connection.execute(select(_table).where(_g.id == order_id)).one()
    failure = from_code(row.error_code, row.error_message or "", row.error_hint or "") if row.error_code else None
    return Order(row.id, OperationState(row.state) if row.state else None, row.sentence or "", row.percent,
                 row.progress_at, failure)


def unfailed(connection: Connection, instance_id: str, method: str, but: str) -> tuple[str, ...]:
    """The ids of orders that the guest has not answered with a failure, the oldest first; ``but`` is left out."""
    query = (select(_g.id).where(_g.instance_id == instance_id, _g.method == method, _g.id != but,
                                 _g.error_code.is_(None)).order_by(_g.asked_at))
    return tuple(connection.execute(query).scalars())


def explains_start(connection: Connection, instance_id: str, at: float, before: float) -> bool:
    """Whether a server was started by an order ``at`` that moment, in seconds since 1970.

    ``before``: when the one before it was started. An order explains one start: it was given after that.
    """
    query = select(_g.id).where(_g.instance_id == instance_id, _g.method.in_(STARTS), _g.asked_at >= before,
                                _g.asked_at <= at + LEEWAY, or_(_g.ended_at.is_(None), _g.ended_at >= at - LEEWAY))
    return connection.execute(query).first() is not None


def note_progress(connection: Connection, instance_id: str, progress: Progress) -> bool:
    """False when there is no such order of this instance, or it has ended."""
    statement = update(_table).where(
        _g.id == progress.operation_id, _g.instance_id == instance_id, _g.ended_at.is_(None),
    ).values(state=OperationState.RUNNING.value, sentence=progress.sentence, percent=progress.percent,
             progress_at=time.time())
    return connection.execute(statement).rowcount == 1


def note_result(connection: Connection, instance_id: str, result: Result) -> bool:
    """The first result stands; False when there is no such order of this instance, or it has ended."""
    failure = result.failure
    values = {"state": result.state.value, "ended_at": time.time()}
    if failure is not None:
        values |= {"error_code": failure.code, "error_message": failure.message, "error_hint": failure.hint}
    statement = update(_table).where(_g.id == result.operation_id, _g.instance_id == instance_id,
                                     _g.ended_at.is_(None)).values(**values)
    return connection.execute(statement).rowcount == 1


def request_id(connection: Connection, order_id: str) -> str:
    """The id of the request that the order goes back to; empty when there is no such operation."""
    query = select(schema.operations.c.request_id).where(schema.operations.c.id == order_id.partition(".")[0])
    return connection.execute(query).scalar_one_or_none() or ""
