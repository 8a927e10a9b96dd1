"""Datastores and their versions as REST shows them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from trove.db import views as rows

from ..context import Caller
from ..links import Base
from . import blocks


class Version(Struct, frozen=True, kw_only=True):
    """``datastore`` is its id, and not there inside a datastore. ``active`` and what follows are for administrators."""

    id: blocks.Id
    name: Annotated[str, Meta(examples=["10.11"])]
    version: Annotated[str, Meta(examples=["10.11"])]
    links: blocks.Links
    datastore: blocks.Id | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    packages: str | UnsetType = UNSET
    image: UnsetType | None = UNSET
    image_tags: tuple[str, ...] | UnsetType = UNSET
    registry_ext: str | UnsetType = UNSET
    repl_strategy: str | UnsetType = UNSET


class Datastore(Struct, frozen=True):
    id: blocks.Id
    name: Annotated[str, Meta(examples=["mariadb"])]
    links: blocks.Links
    versions: tuple[Version, ...]
    default_version: blocks.Id | UnsetType = UNSET


class Datastores(Struct, frozen=True):
    datastores: tuple[Datastore, ...]


class OneDatastore(Struct, frozen=True):
    datastore: Datastore


class Versions(Struct, frozen=True):
    versions: tuple[Version, ...]


class OneVersion(Struct, frozen=True):
    version: Version


def datastore(row: rows.Datastore, base: Base, caller: Caller) -> Datastore:
    versions = tuple(_version(each, base, caller, UNSET) for each in shown(row.versions, caller))
    # A default that is not among the versions shown would make the openstack client fail.
    default = next((each.id for each in versions if each.id == row.default_version_id), UNSET)
    return Datastore(row.id, row.name, base.to("datastores", row.id), versions, default)


def shown(versions: tuple[rows.Version, ...], caller: Caller) -> list[rows.Version]:
    """Versions that are switched off are for administrators."""
    return [row for row in versions if row.active or caller.is_admin]


def version(row: rows.Version, base: Base, caller: Caller) -> Version:
    return _version(row, base, caller, row.datastore_id)


def _version(row: rows.Version, base: Base, caller: Caller, datastore_id: str | UnsetType) -> Version:
    links = base.to(f"datastores/{row.datastore_id}/versions", row.id)
    if not caller.is_admin:
        return Version(id=row.id, name=row.name, version=row.number, links=links, datastore=datastore_id)
    return Version(id=row.id, name=row.name, version=row.number, links=links, datastore=datastore_id,
                   active=row.active, packages="", image=None, image_tags=(), registry_ext="", repl_strategy="")
