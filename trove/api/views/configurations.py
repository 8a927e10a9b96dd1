"""Groups of settings as REST shows them, and what a change of one would do."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from trove.db import settings
from trove.db import views as rows
from trove.domain.configurations import Standing
from trove.domain.parameters import Catalogue

from . import blocks

Value = str | int | float | bool


class Configuration(Struct, frozen=True, kw_only=True):
    """Lists leave ``values``, ``instance_count`` and the version's number out."""

    id: blocks.Id
    name: blocks.Name
    description: str | None
    created: blocks.Timestamp
    updated: blocks.Timestamp
    datastore_name: Annotated[str, Meta(examples=["mariadb"])]
    datastore_version_id: blocks.Id
    datastore_version_name: Annotated[str, Meta(examples=["10.11"])]
    datastore_version_number: Annotated[str | UnsetType, Meta(examples=["10.11"])] = UNSET
    values: Annotated[dict[str, Value] | UnsetType, Meta(examples=[{"max_connections": 200}])] = UNSET
    instance_count: Annotated[int | UnsetType, Meta(examples=[3])] = UNSET
    repair: bool | UnsetType = UNSET


class OneConfiguration(Struct, frozen=True):
    configuration: Configuration


class ConfigurationPage(Struct, frozen=True):
    configurations: tuple[Configuration, ...]
    links: blocks.NextLink = UNSET


class InstanceOfConfiguration(Struct, frozen=True):
    id: blocks.Id
    name: blocks.Name


class Holder(Struct, frozen=True):
    """``settings``, an addition of ours: ``in_force``; ``restart_required``: some are in force after a restart;
    ``pending``: it gets them now, or when what is done with it has ended; ``different``: it did not take them, or went
    back to those before."""

    id: blocks.Id
    name: blocks.Name
    settings: Standing


class InstancesOfConfiguration(Struct, frozen=True):
    instances: tuple[Holder, ...]
    links: blocks.NextLink = UNSET


class Change(Struct, frozen=True):
    """``was`` and ``becomes`` as the server writes them; null where only the server knows."""

    name: Annotated[str, Meta(examples=["max_connections"])]
    was: Annotated[str | None, Meta(examples=["82"])]
    becomes: Annotated[str | None, Meta(examples=["200"])]
    restart_required: bool


class PlannedInstance(Struct, frozen=True):
    """``later``: not at once, but when what is done with the instance now has ended."""

    instance: InstanceOfConfiguration
    restart_required: bool
    later: bool
    changes: tuple[Change, ...]


class Plan(Struct, frozen=True):
    """What a request would do to each instance, if it were not a dry run."""

    plan: tuple[PlannedInstance, ...]


class Defaults(Struct, frozen=True):
    configuration: dict[str, Value]


class DefaultsOfInstance(Struct, frozen=True):
    """What it has where no group says anything."""

    instance: Defaults


def configuration(row: rows.Configuration) -> Configuration:
    """As it is in a list."""
    return Configuration(
        id=row.id, name=row.name, description=row.description, created=blocks.timestamp(row.created),
        updated=blocks.timestamp(row.updated), datastore_name=row.version.datastore,
        datastore_version_id=row.version.id, datastore_version_name=row.version.name)


def detail(row: rows.Configuration, catalogue: Catalogue) -> Configuration:
    return structs.replace(
        configuration(row), values=typed(row.values, catalogue), instance_count=row.instances,
        datastore_version_number=row.version.number, repair=row.repair)


def typed(values: Mapping[str, str], catalogue: Catalogue) -> dict[str, Value]:
    """Numbers as numbers, the rest as the server writes it."""
    made: dict[str, Value] = {}
    for name, value in values.items():
        known = catalogue.parameters.get(name)
        kind = known.kind if known is not None else "string"
        made[name] = int(value) if kind == "integer" else float(value) if kind == "float" else value
    return made


def plan(planned: Iterable[settings.Planned]) -> Plan:
    return Plan(tuple(PlannedInstance(
        InstanceOfConfiguration(each.instance_id, each.name), any(not change.live for change in each.changes),
        each.later, tuple(Change(change.name, change.was, change.becomes, not change.live) for change in each.changes),
    ) for each in planned))
