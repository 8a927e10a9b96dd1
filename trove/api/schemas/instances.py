"""Bodies of instances."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from . import blocks


class Volume(Struct, frozen=True):
    size: blocks.Size
    type: blocks.Text | None = None


class Datastore(Struct, frozen=True):
    type: blocks.Text | None = None
    version: blocks.Text | None = None
    version_number: blocks.Text | None = None


class RestorePoint(Struct, frozen=True):
    backupRef: blocks.Reference  # noqa: N815 - the wire's name


class Nic(Struct, frozen=True, forbid_unknown_fields=True, rename={"net_id": "net-id"}):
    net_id: blocks.Uuid | None = None
    network_id: blocks.Uuid | None = None
    subnet_id: blocks.Uuid | None = None
    ip_address: blocks.Ipv4 | None = None


class Module(Struct, frozen=True):
    id: blocks.Uuid


class NewInstance(Struct, frozen=True):
    name: blocks.Text
    flavorRef: blocks.Reference | int | None = None  # noqa: N815 - the wire's name
    volume: Volume | None = None
    datastore: Datastore = Datastore()
    databases: tuple[blocks.Database, ...] = ()
    users: tuple[blocks.NewUser, ...] = ()
    access: blocks.Access | None = None
    region_name: blocks.Text | None = None
    availability_zone: blocks.Text | None = None
    restorePoint: RestorePoint | None = None  # noqa: N815 - the wire's name
    replica_of: blocks.Uuid | None = None
    replica_count: Annotated[int, Meta(ge=1, le=3)] | None = None
    nics: Annotated[tuple[Nic, ...], Meta(max_length=1)] = ()
    configuration: blocks.Reference | None = None
    modules: tuple[Module, ...] = ()
    locality: Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"] | None = None


class Create(Struct, frozen=True):
    instance: NewInstance


class Changes(Struct, frozen=True, forbid_unknown_fields=True):
    """Of ``replica_of`` and ``slave_of`` only the presence counts; ``configuration`` null takes one off."""

    name: blocks.Text | UnsetType = UNSET
    replica_of: str | UnsetType | None = UNSET
    slave_of: str | UnsetType | None = UNSET
    configuration: blocks.Reference | UnsetType | None = UNSET
    datastore_version: blocks.Text | UnsetType = UNSET
    access: blocks.Access | UnsetType = UNSET


class Update(Struct, frozen=True):
    instance: Changes
