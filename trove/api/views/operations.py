"""Operations as REST shows them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from trove.db import views as rows

from ..context import Caller
from ..links import Base
from . import blocks


class LastError(Struct, frozen=True):
    """Why the step failed last, which may pass: see ``next_try``."""

    code: Annotated[str, Meta(examples=["unreachable"])]
    message: Annotated[str | None, Meta(examples=["The agent did not answer in time."])]
    hint: Annotated[str | None, Meta(examples=["Look at the agent's log."])]


class Operation(Struct, frozen=True, kw_only=True):
    """``progress`` in percent; ``since``, ``deadline`` and ``next_try`` are of the step."""

    id: blocks.Id
    instance_id: blocks.Id
    kind: Annotated[str, Meta(examples=["create"])]
    state: Literal["asked", "running", "done", "failed", "cancelled"]
    created: blocks.Timestamp
    updated: blocks.Timestamp
    step: Annotated[str | None, Meta(examples=["make_place"])]
    since: blocks.Timestamp | None
    sentence: Annotated[str, Meta(examples=["Makes the place: directories, users, limits, volume, agent."])]
    deadline: blocks.Timestamp | None
    progress: Annotated[float | None, Meta(examples=[40.0])]
    last_error: LastError | None
    next_try: blocks.Timestamp | None
    links: blocks.Links
    tenant_id: Annotated[str, Meta(examples=["demo"])] | UnsetType = UNSET


class OperationPage(Struct, frozen=True):
    operations: tuple[Operation, ...]
    links: blocks.NextLink = UNSET


class OneOperation(Struct, frozen=True):
    operation: Operation


def operation(row: rows.Operation, base: Base, caller: Caller) -> Operation:
    return Operation(
        id=row.id,
        instance_id=row.instance_id,
        kind=row.kind,
        state=row.state,  # type: ignore[arg-type] # the store holds no other
        created=blocks.timestamp(row.created),
        updated=blocks.timestamp(row.updated),
        step=row.step or None,
        since=blocks.timestamp_or_none(row.step_since),
        sentence=row.sentence,
        deadline=blocks.timestamp_or_none(row.deadline),
        progress=row.percent,
        last_error=_last_error(row),
        next_try=blocks.timestamp_or_none(row.next_try),
        links=base.to("operations", row.id),
        tenant_id=row.project_id if caller.is_admin else UNSET,
    )


def _last_error(row: rows.Operation) -> LastError | None:
    return None if row.error_code is None else LastError(row.error_code, row.error_message, row.error_hint)
