"""Instances as administrators see them, with what the provider and the agent said."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from trove.db import views as rows

from ..context import Caller
from ..links import Base
from . import blocks
from . import instances as public


class ManagedServer(Struct, frozen=True, kw_only=True):
    """What carries the instance: there is no compute server, so its id and name are the instance's own. ``host`` is the
    registered one, null on the control plane's machine."""

    id: blocks.Id
    name: blocks.Name
    status: public.Status
    tenant_id: Annotated[str, Meta(examples=["shop"])]
    host: Annotated[str | None, Meta(examples=["db1"])]
    deleted: bool
    deleted_at: blocks.Timestamp | None
    local_id: None = None


class GuestStatus(Struct, frozen=True):
    """What the agent last reported of the server, by one of its words and in a sentence."""

    state_description: Annotated[str, Meta(examples=["healthy"])]
    sentence: Annotated[str, Meta(examples=["MariaDB answers."])]


class ManagedInstance(public.InstanceDetail, frozen=True, kw_only=True):
    """``task_description`` is what the control plane is doing with it; ``root_enabled`` whether its superuser was ever
    opened to the network, and by whom, where one instance is shown."""

    server: ManagedServer  # type: ignore[assignment]  # there is one for each
    service_status: Annotated[str, Meta(examples=["healthy"])]
    task_description: Annotated[str, Meta(examples=["none"])]
    deleted: bool
    deleted_at: blocks.Timestamp | None
    guest_status: GuestStatus
    agent_version: Annotated[str | None, Meta(examples=["0.1.0"])]
    root_enabled: Annotated[blocks.Timestamp | None, Meta()] | UnsetType = UNSET
    root_enabled_by: Annotated[str | None, Meta(examples=["anna"])] | UnsetType = UNSET


class ManagedInstances(Struct, frozen=True):
    instances: tuple[ManagedInstance, ...]
    links: blocks.NextLink = UNSET


class OneManagedInstance(Struct, frozen=True):
    instance: ManagedInstance


class RootHistory(Struct, frozen=True):
    """``Never`` and ``Nobody`` where it was not."""

    id: blocks.Id
    enabled: Annotated[str, Meta(examples=["2026-08-01T12:00:00"])]
    user: Annotated[str, Meta(examples=["anna"])]


class OneRootHistory(Struct, frozen=True):
    root_history: RootHistory


def instance(row: rows.Instance, base: Base, caller: Caller, region: str, now: float,
             root: rows.RootHistory | UnsetType | None = UNSET) -> ManagedInstance:
    shown = public.detail(row, base, caller, region, now)
    members = {name: getattr(shown, name) for name in shown.__struct_fields__}
    members["server"] = ManagedServer(
        id=row.id, name=row.name, status=row.status, tenant_id=row.project_id, host=row.host,
        deleted=row.deleted_at is not None, deleted_at=blocks.timestamp_or_none(row.deleted_at))
    said = row.observed.status.value
    if root is not UNSET:
        members["root_enabled"] = None if root is None else blocks.timestamp(root.enabled_at)
        members["root_enabled_by"] = None if root is None else root.enabled_by
    return ManagedInstance(
        **members, service_status=said, task_description=row.task.value.replace("_", " "),
        deleted=row.deleted_at is not None, deleted_at=blocks.timestamp_or_none(row.deleted_at),
        guest_status=GuestStatus(said, row.observed.sentence), agent_version=row.observed.agent_version)


def root_history(instance_id: str, found: rows.RootHistory | None) -> OneRootHistory:
    if found is None:
        return OneRootHistory(RootHistory(instance_id, "Never", "Nobody"))
    return OneRootHistory(RootHistory(instance_id, blocks.timestamp(found.enabled_at), found.enabled_by))
