"""Events as REST shows them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from trove.db import views as rows

from ..context import Caller
from . import blocks


class Event(Struct, frozen=True, kw_only=True):
    """``from`` and ``to`` are statuses, where one has changed; ``step`` is set when one has begun."""

    id: Annotated[int, Meta(ge=1, examples=[4711], description="Rises; where to go on.")]
    created: blocks.Timestamp
    kind: Annotated[str, Meta(examples=["instance.status"])]
    instance_id: blocks.Id
    instance_name: blocks.Name
    operation_id: blocks.Id | None
    request_id: Annotated[str | None, Meta(examples=["req-2d1f7f9e-8f3c-4a54-a1cf-5a4b7a4f1f11"])]
    step: Annotated[str | None, Meta(examples=["prepare"])]
    was: Annotated[str | None, Meta(examples=["BUILD"])] = field(name="from")
    became: Annotated[str | None, Meta(examples=["ACTIVE"])] = field(name="to")
    sentence: Annotated[str, Meta(examples=["The server accepts connections and has what was asked for."])]
    tenant_id: Annotated[str, Meta(examples=["demo"])] | UnsetType = UNSET


class EventPage(Struct, frozen=True):
    events: tuple[Event, ...]
    links: blocks.NextLink = UNSET


def event(row: rows.Event, caller: Caller) -> Event:
    return Event(
        id=row.id,
        created=blocks.timestamp(row.at),
        kind=row.kind,
        instance_id=row.instance_id,
        instance_name=row.instance_name,
        operation_id=row.operation_id,
        request_id=row.request_id,
        step=row.step,
        was=row.was,
        became=row.became,
        sentence=row.sentence,
        tenant_id=row.project_id if caller.is_admin else UNSET,
    )
