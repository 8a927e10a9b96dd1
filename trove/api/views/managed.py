"""Versions of datastores as operators see them."""

from typing import Annotated

from msgspec import Meta, Struct

from trove.db import views as rows

from . import blocks


class ManagedVersion(Struct, frozen=True, kw_only=True):
    """``binaries`` is an addition of ours: where the programs are; empty where the system's are meant."""

    id: blocks.Id
    name: Annotated[str, Meta(examples=["11.8"])]
    version: Annotated[str, Meta(examples=["11.8"])]
    datastore_id: blocks.Id
    datastore_name: Annotated[str, Meta(examples=["mariadb"])]
    datastore_manager: Annotated[str, Meta(examples=["mariadb"])]
    binaries: Annotated[str, Meta(examples=["/opt/mariadb-11.8"])]
    active: bool
    default: bool
    image: None = None
    image_tags: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    registry_ext: str = ""
    repl_strategy: str = ""


class ManagedVersions(Struct, frozen=True):
    versions: tuple[ManagedVersion, ...]


class OneManagedVersion(Struct, frozen=True):
    version: ManagedVersion


def version(row: rows.Version, default: bool) -> ManagedVersion:
    return ManagedVersion(
        id=row.id, name=row.name, version=row.number, datastore_id=row.datastore_id, datastore_name=row.datastore,
        datastore_manager=row.manager, binaries=row.binaries, active=row.active, default=default)
