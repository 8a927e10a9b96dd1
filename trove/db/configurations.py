"""Groups of settings, and which instances have them."""

import time
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, Select, func, select, update
from sqlalchemy.engine import Row

from common.errors import NotFound, Refused

from . import schema
from .views import Configuration, Page, Project, Scope, Version

_c, _i, _v, _d = schema.configurations.c, schema.instances.c, schema.datastore_versions.c, schema.datastores.c
_COUNT = (select(func.count()).where(_i.configuration_id == _c.id, _i.deleted_at.is_(None)).correlate(
    schema.configurations).scalar_subquery())
_WHOLE = select(
    _c.id, _c.project_id, _c.name, _c.description, _c["values"], _c.repair, _c.created, _c.updated, _COUNT,
    _v.id.label("version"), _v.datastore_id, _d.name.label("datastore"), _d.manager, _v.name.label("version_name"),
    _v.version.label("number"), _v.binaries, _v.active,
).select_from(schema.configurations.join(schema.datastore_versions, _v.id == _c.datastore_version_id)
              .join(schema.datastores, _d.id == _v.datastore_id)).where(_c.deleted_at.is_(None))


def insert(connection: Connection, configuration_id: str, project: str, name: str, description: str | None,
           version: Version, values: Mapping[str, str], *, repair: bool) -> None:
    now = time.time()
    connection.execute(schema.configurations.insert().values(
        id=configuration_id, project_id=project, name=name, description=description, datastore_version_id=version.id,
        values=_text(values), repair=repair, created=now, updated=now))


def get(connection: Connection, project: Project, configuration_id: str, *, lock: bool = False) -> Configuration:
    """``lock``: nobody else changes it before this transaction ends. Raises NotFound."""
    if lock:
        connection.execute(select(_c.id).where(_c.id == configuration_id).with_for_update())
    row = connection.execute(_within(_WHOLE, project).where(_c.id == configuration_id)).one_or_none()
    if row is None:
        raise NotFound(f"Configuration {configuration_id[:64]} could not be found.")
    return _configuration(row)


def page(connection: Connection, project: Project, limit: int, marker: str | None) -> Page[Configuration]:
    """At most ``limit`` after the id ``marker``, in order of ids."""
    query = _within(_WHOLE, project).order_by(_c.id).limit(limit + 1)
    if marker is not None:
        query = query.where(_c.id > marker)
    found = [_configuration(row) for row in connection.execute(query)]
    return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)


def change(connection: Connection, configuration_id: str, values: Mapping[str, str], *, name: str | None,
           description: str | None, repair: bool) -> None:
    """A name or description of None stays as it is."""
    told = {key: value for key, value in (("name", name), ("description", description)) if value is not None}
    connection.execute(update(schema.configurations).where(_c.id == configuration_id).values(
        values=_text(values), repair=repair, updated=time.time(), **told))


def delete(connection: Connection, configuration: Configuration) -> None:
    """Raises Refused while an instance has it."""
    if configuration.instances:
        raise Refused(f"{configuration.instances} instances have the configuration {configuration.name}.",
                      "Detach it from them first.")
    connection.execute(update(schema.configurations).where(_c.id == configuration.id).values(deleted_at=time.time()))


def having(connection: Connection, configuration_id: str) -> tuple[str, ...]:
    """The ids of the living instances that have it, in their order."""
    query = select(_i.id).where(_i.configuration_id == configuration_id, _i.deleted_at.is_(None)).order_by(_i.id)
    return tuple(connection.execute(query).scalars())


def named(connection: Connection, configuration_id: str, limit: int,
          marker: str | None) -> Page[tuple[str, str]]:
    """Ids and names of the living instances that have it."""
    query = select(_i.id, _i.name).where(_i.configuration_id == configuration_id, _i.deleted_at.is_(None))
    query = (query if marker is None else query.where(_i.id > marker)).order_by(_i.id).limit(limit + 1)
    rows = [(row.id, row.name) for row in connection.execute(query)]
    return Page(tuple(rows[:limit]), rows[limit - 1][0] if len(rows) > limit else None)


def attach(connection: Connection, instance_id: str, configuration_id: str | None) -> None:
    """None takes it off."""
    _set(connection, instance_id, configuration_id=configuration_id)


def configured(connection: Connection, instance_id: str) -> dict[str, str]:
    """What its guest was given last."""
    query = select(_i.configured).where(_i.id == instance_id)
    return msgspec.json.decode(connection.execute(query).scalar_one(), type=dict[str, str])


def set_configured(connection: Connection, instance_id: str, values: Mapping[str, str]) -> None:
    _set(connection, instance_id, configured=_text(values))


def _set(connection: Connection, instance_id: str, **values: object) -> None:
    connection.execute(update(schema.instances).where(_i.id == instance_id).values(updated=time.time(), **values))


def _text(values: Mapping[str, str]) -> str:
    return msgspec.json.encode(dict(values), order="sorted").decode()


def _within(query: Select, project: Project) -> Select:  # type: ignore[type-arg]
    return query if isinstance(project, Scope) else query.where(_c.project_id == project)


def _configuration(row: Row) -> Configuration:  # type: ignore[type-arg]
    (id_, project, name, description, values, repair, created, updated, count, *version) = row
    version_id, datastore_id, datastore, manager, version_name, number, binaries, active = version
    return Configuration(
        id_, project, name, description,
        Version(version_id, datastore_id, datastore, manager, version_name, number, binaries, active),
        msgspec.json.decode(values, type=dict[str, str]), repair, created, updated, count)
