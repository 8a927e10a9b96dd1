"""Operations: the outbox from the API to the flows, and what a person reads of long work."""

import time

from sqlalchemy import Connection, Select, Update, select, tuple_, update
from sqlalchemy.engine import Row

from common.errors import Invalid, NotFound, TroveError
from trove.domain.events import EventKind
from trove.domain.kinds import KINDS

from . import audit, events, schema
from .views import Operation, Page, Project, Scope

_table = schema.operations
_o = _table.c
UNENDED = ("asked", "running")
_COLUMNS = [_o[name] for name in Operation.__struct_fields__]
_ENDS = {"done": EventKind.OPERATION_DONE, "failed": EventKind.OPERATION_FAILED,
         "cancelled": EventKind.OPERATION_CANCELLED}
_NO_ERROR = dict.fromkeys(("error_code", "error_message", "error_hint", "next_try"))


def insert(connection: Connection, operation_id: str, instance_id: str, project: str, kind: str,
           request_id: str, release: str | None = None) -> None:
    now = time.time()
    connection.execute(_table.insert().values(
        id=operation_id, instance_id=instance_id, project_id=project, kind=kind, state="asked", request_id=request_id,
        release=release, created=now, updated=now, sentence="Waits for the task manager."))
    events.note_operation(connection, EventKind.OPERATION_ASKED, operation_id, KINDS[kind].asked)
    if kind != "configure":  # which may be of all instances that have a group
        audit.note_asked(connection, operation_id, instance_id)


def get(connection: Connection, operation_id: str, project: Project = Scope.EVERY_PROJECT) -> Operation:
    """Raises NotFound."""
    row = connection.execute(_within(select(*_COLUMNS), project).where(_o.id == operation_id)).one_or_none()
    if row is None:
        raise NotFound(f"Operation {operation_id} could not be found.")
    return _operation(row)


def of_instance(connection: Connection, project: Project, instance_id: str) -> tuple[Operation, ...]:
    """Newest first; those of a deleted instance too."""
    query = _within(select(*_COLUMNS), project).where(_o.instance_id == instance_id)
    return tuple(_operation(row) for row in connection.execute(query.order_by(_o.created.desc(), _o.id.desc())))


def page(connection: Connection, project: Project, limit: int, marker: str | None,
         **only: str | None) -> Page[Operation]:
    """Newest first, at most ``limit`` behind the operation ``marker``. ``only``: by column, None for all.

    Raises Invalid for a marker that is no operation.
    """
    query = _within(select(*_COLUMNS), project).order_by(_o.created.desc(), _o.id.desc()).limit(limit + 1)
    for column, value in only.items():
        if value is not None:
            query = query.where(_o[column] == value)
    if marker is not None:
        query = query.where(tuple_(_o.created, _o.id) < tuple_(*_place(connection, marker, project)))
    items = tuple(_operation(row) for row in connection.execute(query))
    return Page(items[:limit], items[limit - 1].id if len(items) > limit else None)


def unended(connection: Connection, instance_id: str, kind: str) -> str | None:
    """The id of an operation of this kind that has not ended and is not called off."""
    query = select(_o.id).where(_o.instance_id == instance_id, _o.kind == kind, _o.state.in_(UNENDED),
                                _o.cancel_asked.is_(False))
    return connection.execute(query).scalars().first()


def is_first(connection: Connection, operation_id: str) -> bool:
    """Whether every operation that was asked before it on the same instance has ended."""
    mine = select(_o.instance_id, _o.created, _o.id).where(_o.id == operation_id).cte("mine")
    earlier = tuple_(_o.created, _o.id) < tuple_(mine.c.created, mine.c.id)
    query = (select(_o.id).join(mine, mine.c.instance_id == _o.instance_id)
             .where(earlier, _o.state.in_(UNENDED)))
    return connection.execute(query).first() is None


def call_off(connection: Connection, instance_id: str, but: str | None = None) -> None:
    """Ends what has not begun and asks the flows of the rest to end; ``but`` is left alone."""
    mine = update(_table).where(_o.instance_id == instance_id, _o.id != (but or "")).values(updated=time.time())
    unbegun = select(_o.id).where(_o.instance_id == instance_id, _o.id != (but or ""), _o.state == "asked")
    for each in connection.execute(unbegun).scalars().all():
        finish(connection, each, "cancelled", "Called off before it began.")
    connection.execute(mine.where(_o.state == "running").values(cancel_asked=True))


def is_held(connection: Connection, operation_id: str, executor: str) -> bool:
    """Whether ``executor`` has it; if so, nobody takes it over before this transaction ends."""
    query = select(_o.executor_id).where(_o.id == operation_id).with_for_update()
    return connection.execute(query).scalar_one_or_none() == executor


def begin(connection: Connection, operation_id: str, executor: str) -> bool:
    """Takes it up, also again after a death. False when it has ended."""
    statement = _unended_one(operation_id).values(state="running", executor_id=executor)
    return connection.execute(statement).rowcount == 1


def enter_step(connection: Connection, operation_id: str, step: str, sentence: str, patience: float) -> bool:
    """Notes the step, and its deadline in ``patience`` seconds. False when the operation has ended."""
    now = time.time()
    entered_before = _holds(connection, operation_id, step=step)
    statement = _unended_one(operation_id).values(step=step, step_since=now, sentence=sentence, deadline=now + patience,
                                                  percent=None, **_NO_ERROR)
    entered = connection.execute(statement).rowcount == 1
    if entered and not entered_before:
        events.note_operation(connection, EventKind.OPERATION_STEP, operation_id, sentence, step)
    return entered


def get_on(connection: Connection, operation_id: str, sentence: str, percent: float | None, deadline: float) -> None:
    """Progress within a step: what failed before is past."""
    told_before = _holds(connection, operation_id, sentence=sentence)
    statement = _unended_one(operation_id).values(sentence=sentence, percent=percent, deadline=deadline, **_NO_ERROR)
    if connection.execute(statement).rowcount == 1 and not told_before:
        events.note_operation(connection, EventKind.OPERATION_PROGRESS, operation_id, sentence)


def set_release(connection: Connection, operation_id: str, release: str) -> None:
    connection.execute(_unended_one(operation_id).values(release=release))


def note_failure(connection: Connection, operation_id: str, error: TroveError, next_try: float) -> None:
    """The step failed for now; it is tried again at ``next_try``."""
    told_before = _holds(connection, operation_id, **_columns(error))
    statement = _unended_one(operation_id).values(next_try=next_try, **_columns(error))
    if connection.execute(statement).rowcount == 1 and not told_before:
        events.note_operation(connection, EventKind.OPERATION_RETRYING, operation_id,
                              f"It is tried again after a failure: {error.sentence()}")


def note_attempt(connection: Connection, operation_id: str) -> None:
    """The step is being tried again; the error of the last time stays until it gets on."""
    connection.execute(_unended_one(operation_id).values(next_try=None))


def wait_for_broker(connection: Connection, operation_id: str, error: TroveError, next_try: float,
                    deadline: float) -> None:
    """Nothing can be done before the broker is back, for which it looks at ``next_try``."""
    connection.execute(_unended_one(operation_id).values(
        sentence="Waits for the message broker.", next_try=next_try, deadline=deadline, **_columns(error)))


def finish(connection: Connection, operation_id: str, state: str, sentence: str,
           error: TroveError | None = None) -> bool:
    """``state``: done, failed or cancelled. False when it had ended before."""
    values = {"state": state, "sentence": sentence, "deadline": None, "next_try": None}
    if error is not None:
        values |= _columns(error)
    elif state == "done":
        values |= _NO_ERROR
    ended = connection.execute(_unended_one(operation_id).values(**values)).rowcount == 1
    if ended:
        events.note_operation(connection, _ENDS[state], operation_id, sentence)
        audit.note_end(connection, operation_id, state)
    return ended


def asked(connection: Connection) -> tuple[tuple[str, str], ...]:
    """(id, kind) of those that no task manager has taken up, oldest first."""
    query = select(_o.id, _o.kind).where(_o.state == "asked").order_by(_o.created)
    return tuple((row.id, row.kind) for row in connection.execute(query))


def running_of(connection: Connection, executor: str) -> tuple[tuple[str, str], ...]:
    """(id, kind) of those that ``executor`` took up and has not ended, oldest first."""
    query = select(_o.id, _o.kind).where(_o.state == "running", _o.executor_id == executor).order_by(_o.created)
    return tuple((row.id, row.kind) for row in connection.execute(query))


def hand_over(connection: Connection, executor: str, heir: str, deadline: float) -> None:
    """``deadline``: when the heir must have taken up its step again, seconds since 1970."""
    connection.execute(update(_table).where(_o.state == "running", _o.executor_id == executor)
                       .values(executor_id=heir, deadline=deadline))


def overdue(connection: Connection, executor: str, now: float) -> tuple[Operation, ...]:
    """Those of ``executor`` whose step's deadline has passed at ``now``."""
    query = select(*_COLUMNS).where(_o.state == "running", _o.executor_id == executor, _o.deadline < now)
    return tuple(_operation(row) for row in connection.execute(query))


def _unended_one(operation_id: str) -> Update:
    return update(_table).where(_o.id == operation_id, _o.state.in_(UNENDED)).values(updated=time.time())


def _holds(connection: Connection, operation_id: str, **values: str) -> bool:
    """Whether these columns of it have these values."""
    query = select(_o.id).where(_o.id == operation_id, *(_o[name] == value for name, value in values.items()))
    return connection.execute(query).first() is not None


def _place(connection: Connection, marker: str, project: Project) -> tuple[float, str]:
    """Raises Invalid."""
    place = connection.execute(_within(select(_o.created, _o.id), project).where(_o.id == marker)).one_or_none()
    if place is None:
        raise Invalid(f"The marker {marker[:64]!r} is no operation.", "Take it from the link to the next page.")
    return place.created, place.id


def _within(query: Select, project: Project) -> Select:  # type: ignore[type-arg]
    return query if isinstance(project, Scope) else query.where(_o.project_id == project)


def _columns(error: TroveError) -> dict[str, str]:
    return {"error_code": error.code, "error_message": error.message, "error_hint": error.hint}


def _operation(row: Row) -> Operation:  # type: ignore[type-arg]
    return Operation(*row)
