"""Groups of settings, and which instances have them."""

import time
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, Select, func, select, update
from sqlalchemy.engine import Row

from common.errors import NotFound, Refused
from trove.domain.configurations import standing
from trove.domain.states import Task

from . import schema
from .views import Configuration, Holder, Page, Project, Scope, Version

_c, _i, _v, _d = schema.configurations.c, schema.instances.c, schema.datastore_versions.c, schema.datastores.c
GOING = frozenset((Task.DELETING, Task.DELETE_FAILED))
"""Instances that get no settings any more."""
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
        connection.execute(_within(select(_c.id), project).where(_c.id == configuration_id).with_for_update())
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


def change(connection: Connection, configuration_id: str, values: Mapping[str, str], repair: bool,
           told: Mapping[str, str | None]) -> None:
    """``told``: another name or description."""
    connection.execute(update(schema.configurations).where(_c.id == configuration_id).values(
        values=_text(values), repair=repair, updated=time.time(), **told))


def delete(connection: Connection, configuration: Configuration) -> None:
    """Raises Refused while an instance has it."""
    if configuration.instances:
        raise Refused(f"{configuration.instances} instances have the configuration {configuration.name}.",
                      "Detach it from them first.")
    connection.execute(update(schema.configurations).where(_c.id == configuration.id).values(deleted_at=time.time()))


def having(connection: Connection, configuration_id: str) -> tuple[str, ...]:
    """The ids of the instances that have it and are not being deleted, in their order."""
    query = select(_i.id).where(_i.configuration_id == configuration_id, _i.deleted_at.is_(None),
                                _i.task.not_in([task.value for task in GOING])).order_by(_i.id)
    return tuple(connection.execute(query).scalars())


def holders(connection: Connection, group: Configuration, limit: int, marker: str | None) -> Page[Holder]:
    """The living instances that have it, in order of ids."""
    query = (select(_i.id, _i.name, _i.task, _i.configured, _i.settings_due, _i.observed_waiting)
             .where(_i.configuration_id == group.id, _i.deleted_at.is_(None)).order_by(_i.id).limit(limit + 1))
    rows = connection.execute(query if marker is None else query.where(_i.id > marker)).all()
    items = tuple(Holder(row.id, row.name, standing(
        Task(row.task), _values(row.configured), group.values, due=row.settings_due is not None,
        waiting=bool(row.observed_waiting))) for row in rows[:limit])
    return Page(items, items[-1].id if len(rows) > limit else None)


def attach(connection: Connection, instance_id: str, configuration_id: str | None) -> None:
    """None takes it off."""
    _set(connection, instance_id, configuration_id=configuration_id)


def configured(connection: Connection, instance_id: str) -> dict[str, str]:
    """What its guest was given last."""
    return _values(connection.execute(select(_i.configured).where(_i.id == instance_id)).scalar_one())


def set_configured(connection: Connection, instance_id: str, values: Mapping[str, str]) -> None:
    _set(connection, instance_id, configured=_text(values))


def put_off(connection: Connection, instance_id: str, request_id: str | None) -> None:
    """It is to get its settings when nothing is in the way any more, because of that request; None: it is getting
    them."""
    connection.execute(update(schema.instances).where(_i.id == instance_id).values(settings_due=request_id))


def due(connection: Connection, *, lock: bool = False) -> tuple[tuple[str, str], ...]:
    """(instance id, request id) of those that can get now what was put off, in order of ids."""
    query = (select(_i.id, _i.settings_due).where(_i.settings_due.is_not(None), _i.task == Task.NONE.value,
                                                  _i.deleted_at.is_(None)).order_by(_i.id))
    rows = connection.execute(query.with_for_update() if lock else query)
    return tuple((row.id, row.settings_due) for row in rows)


def _set(connection: Connection, instance_id: str, **values: object) -> None:
    connection.execute(update(schema.instances).where(_i.id == instance_id).values(updated=time.time(), **values))


def _values(text: str) -> dict[str, str]:
    return msgspec.json.decode(text, type=dict[str, str])


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
        _values(values), repair, created, updated, count)
