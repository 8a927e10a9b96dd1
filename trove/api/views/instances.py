"""Instances as REST shows them."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from common.contract import types as t
from trove.db import views as rows

from ..context import Caller
from ..links import Base
from . import blocks

GIB = 1 << 30

Status = Annotated[str, Meta(examples=["ACTIVE"], description="What the control plane is doing with the instance.")]
OperatingStatus = Annotated[str, Meta(
    examples=["HEALTHY"], description="What the agent last reported; empty while something is under way.")]


class FlavorOfInstance(Struct, frozen=True):
    id: Annotated[str, Meta(examples=["1"])]
    links: blocks.Links


class DatastoreOfInstance(Struct, frozen=True):
    """``version_number`` in the detail view."""

    type: Annotated[str, Meta(examples=["mariadb"])]
    version: Annotated[str, Meta(examples=["10.11"])]
    version_number: Annotated[str, Meta(examples=["10.11"])] | UnsetType = UNSET


class VolumeOfInstance(Struct, frozen=True):
    """In GB; the use is told when one instance is shown and its guest answers."""

    size: Annotated[int, Meta(examples=[2])]
    used: Annotated[float, Meta(examples=[0.512])] | UnsetType = UNSET
    used_percent: Annotated[float, Meta(examples=[25.6])] | UnsetType = UNSET


class LocalStorage(Struct, frozen=True):
    """In GB, of an instance without a volume."""

    used: float


class AccessOfInstance(Struct, frozen=True):
    """As it was asked for."""

    is_public: Annotated[bool, Meta(examples=[False])] | UnsetType = UNSET
    allowed_cidrs: tuple[Annotated[str, Meta(examples=["0.0.0.0/0"])], ...] | UnsetType = UNSET


class Address(Struct, frozen=True):
    """``port`` is the database server's: several may stand on one machine."""

    address: Annotated[str, Meta(examples=["127.64.0.2"])]
    port: Annotated[int, Meta(examples=[3306])]
    type: Annotated[str, Meta(examples=["private"])]


class Server(Struct, frozen=True):
    """The registered host that carries an instance."""

    host: Annotated[str, Meta(examples=["db1"])]


class ConfigurationOfInstance(Struct, frozen=True):
    """The group of settings that it has."""

    id: blocks.Id
    name: blocks.Name
    links: blocks.Links


class Fault(Struct, frozen=True):
    """``details`` are for administrators."""

    message: Annotated[str, Meta(examples=["There is no room for a volume in /var/lib. Make room, then try again."])]
    created: blocks.Timestamp
    details: Annotated[str | None, Meta(examples=[None])]


class Instance(Struct, frozen=True, kw_only=True):
    """``tenant_id`` is for administrators."""

    id: blocks.Id
    name: blocks.Name
    status: Status
    operating_status: OperatingStatus
    region: Annotated[str, Meta(examples=["RegionOne"])]
    links: blocks.Links
    flavor: FlavorOfInstance
    datastore: DatastoreOfInstance
    access: AccessOfInstance
    volume: VolumeOfInstance | UnsetType = UNSET
    ip: tuple[Annotated[str, Meta(examples=["127.64.0.2"])], ...] | UnsetType = UNSET
    addresses: tuple[Address, ...] | UnsetType = UNSET
    tenant_id: Annotated[str, Meta(examples=["demo"])] | UnsetType = UNSET


class InstanceDetail(Instance, frozen=True, kw_only=True):
    """``server``, ``server_id``, ``volume_id`` and ``encrypted_rpc_messaging`` are for administrators.

    ``waiting_settings``, an addition of ours, are those that the server gets when it is restarted. There is no compute
    server and no block device behind an instance here, and no plain messaging. ``server`` is null
    where the instance stands on the control plane's own machine.
    """

    created: blocks.Timestamp
    updated: blocks.Timestamp
    service_status_updated: blocks.Timestamp | None
    service_status_sentence: Annotated[str, Meta(
        examples=["MariaDB answers."], description="What the agent said then, of the server and of what was changed"
                                                   " behind its back.")]
    fault: Fault | UnsetType = UNSET
    configuration: ConfigurationOfInstance | UnsetType = UNSET
    waiting_settings: tuple[Annotated[str, Meta(examples=["innodb_log_buffer_size"])], ...] | UnsetType = UNSET
    local_storage: LocalStorage | UnsetType = UNSET
    server: Server | UnsetType | None = UNSET
    server_id: UnsetType | None = UNSET
    volume_id: UnsetType | None = UNSET
    encrypted_rpc_messaging: bool | UnsetType = UNSET


class InstancePage(Struct, frozen=True):
    instances: tuple[Instance, ...]
    links: blocks.NextLink = UNSET


class InstanceDetailPage(Struct, frozen=True):
    instances: tuple[InstanceDetail, ...]
    links: blocks.NextLink = UNSET


class OneInstance(Struct, frozen=True):
    instance: InstanceDetail


V = TypeVar("V", Instance, InstanceDetail)
View = Callable[[rows.Instance, Base, Caller, str, float], V]


def instance(row: rows.Instance, base: Base, caller: Caller, region: str, now: float) -> Instance:
    """The list view."""
    return Instance(
        id=row.id,
        name=row.name,
        status=row.status,
        operating_status=row.operating_status(now),
        region=region,
        links=base.to("instances", row.id),
        flavor=FlavorOfInstance(row.flavor.id, base.to("flavors", row.flavor.id)),
        datastore=DatastoreOfInstance(row.version.datastore, row.version.name),
        access=msgspec.convert(row.access, AccessOfInstance),
        volume=UNSET if row.volume_gb is None else VolumeOfInstance(row.volume_gb),
        ip=UNSET if row.spot is None else (row.spot.address,),
        addresses=UNSET if row.spot is None else (Address(row.spot.address, row.spot.port, "private"),),
        tenant_id=row.project_id if caller.is_admin else UNSET,
    )


def detail(row: rows.Instance, base: Base, caller: Caller, region: str, now: float) -> InstanceDetail:
    """The detail view, without disk use."""
    listed = instance(row, base, caller, region, now)
    members = {name: getattr(listed, name) for name in listed.__struct_fields__}
    members["datastore"] = DatastoreOfInstance(row.version.datastore, row.version.name, row.version.number)
    if caller.is_admin:
        members |= {"server": None if row.host is None else Server(row.host), "server_id": None, "volume_id": None,
                    "encrypted_rpc_messaging": True}
    return InstanceDetail(
        **members,
        created=blocks.timestamp(row.created),
        updated=blocks.timestamp(row.updated),
        service_status_updated=blocks.timestamp_or_none(row.observed.at),
        service_status_sentence=row.observed.sentence,
        fault=UNSET if row.fault is None else fault(row.fault, caller),
        configuration=UNSET if (has := row.configuration) is None else ConfigurationOfInstance(
            has.id, has.name, base.to("configurations", has.id)),
        waiting_settings=row.observed.waiting or UNSET,
    )


def fault(row: rows.Fault, caller: Caller) -> Fault:
    return Fault(row.message, blocks.timestamp(row.at), row.details if caller.is_admin else None)


def with_disk_use(view: InstanceDetail, stats: t.FilesystemStats) -> InstanceDetail:
    """Adds what the guest measured; GB with three decimals."""
    used = round(stats.used / GIB, 3)
    if view.volume is UNSET:
        return msgspec.structs.replace(view, local_storage=LocalStorage(used))
    percent = round(100 * stats.used / stats.total, 2) if stats.total else 0.0
    return msgspec.structs.replace(view, volume=VolumeOfInstance(view.volume.size, used, percent))
