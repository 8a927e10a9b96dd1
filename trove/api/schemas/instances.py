"""Bodies of instances."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from . import blocks


class NewVolume(Struct, frozen=True):
    size: blocks.Size
    type: blocks.Text | None = None


class DatastoreChoice(Struct, frozen=True):
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
    volume: NewVolume | None = None
    datastore: DatastoreChoice = DatastoreChoice()
    databases: tuple[blocks.NewDatabase, ...] = ()
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


class CreateInstance(Struct, frozen=True):
    instance: Annotated[NewInstance, Meta(examples=[{
        "name": "orders", "flavorRef": "1", "volume": {"size": 2}, "datastore": {"type": "mariadb"},
        "databases": [{"name": "orders"}],
        "users": [{"name": "anna", "password": "kV2uFQ0b7HcX1w", "databases": [{"name": "orders"}]}],
    }])]


class Changes(Struct, frozen=True, forbid_unknown_fields=True):
    """Of ``replica_of`` and ``slave_of`` only the presence counts; ``configuration`` null takes one off."""

    name: blocks.Text | UnsetType = UNSET
    replica_of: str | UnsetType | None = UNSET
    slave_of: str | UnsetType | None = UNSET
    configuration: blocks.Reference | UnsetType | None = UNSET
    datastore_version: blocks.Text | UnsetType = UNSET
    access: blocks.Access | UnsetType = UNSET


class UpdateInstance(Struct, frozen=True):
    instance: Annotated[Changes, Meta(examples=[{"name": "invoices"}])]


class UpgradeAgent(Struct, frozen=True, forbid_unknown_fields=True):
    """``release`` is a hash; left out: what new instances get."""

    release: blocks.Release | None = None


InstanceAction = Annotated[dict[Literal["restart", "reset_status", "upgrade_agent", "rotate_keys"], dict[str, Any]],
                           Meta(min_length=1, max_length=1, examples=[{"restart": {}}])]
"""One key, which names the action, and an object behind it."""
