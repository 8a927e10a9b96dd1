"""Instances: reading them whole, and the columns that API and flows write."""

import functools
import time
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Update, bindparam, func, select, update
from sqlalchemy.engine import Row

from common.contract.types import ServiceStatus
from common.errors import Conflict, NotFound
from trove.domain.events import EventKind
from trove.domain.states import Edge, Event, Task, status, step

from . import events, schema
from .views import Attached, Fault, Flavor, Instance, Observed, Page, Project, Scope, Version

_i, _v, _d, _f = schema.instances.c, schema.datastore_versions.c, schema.datastores.c, schema.flavors.c
_c = schema.configurations.c
_SEALED = ("order", "key_to_guest", "key_from_guest", "bus_password", "next_secrets")
_VERSION = (_v.id, _v.datastore_id, _d.name, _d.manager, _v.name, _v.version, _v.binaries, _v.active)
_FLAVOR = (_f.id, _f.name, _f.ram, _f.vcpus, _f.disk)
_OBSERVED = (_i.observed_status, _i.observed_sentence, _i.observed_at, _i.observed_clock_skew, _i.server_started_at,
             _i.volume_total, _i.volume_used, _i.root_observed, _i.key_epoch, _i.agent_version, _i.contract_version,
             _i.agent_release, _i.observed_waiting, _i.capabilities, _i.incarnation)
_OWN = (_i.id, _i.project_id, _i.name, _i.created, _i.updated, _i.deleted_at, _i.task, _i.volume_gb, _i.host,
        _i.address, _i.port, _i.access, _i.placement, _i.fault_message, _i.fault_details, _i.fault_at,
        _i.release, _i.configuration_id, _c.name)
_COLUMNS = [column.label(f"c{place}") for place, column in enumerate(_OWN + _VERSION + _FLAVOR + _OBSERVED)]
WHOLE = select(*_COLUMNS).select_from(
    schema.instances
    .join(schema.datastore_versions, _v.id == _i.datastore_version_id)
    .join(schema.datastores, _d.id == _v.datastore_id)
    .join(schema.flavors, _f.id == _i.flavor_id)
    .outerjoin(schema.configurations, _c.id == _i.configuration_id)
)


def get(connection: Connection, project: Project, instance_id: str) -> Instance:
    """A living instance. Raises NotFound."""
    row = connection.execute(_living(WHOLE, project).where(_i.id == instance_id)).one_or_none()
    if row is None:
        raise _missing(instance_id)
    return whole(row)


def named(connection: Connection, project: str, name: str) -> Instance | None:
    """The one living instance of this name; None when there are several or none."""
    rows = connection.execute(_living(WHOLE, project).where(_i.name == name).limit(2)).all()
    return whole(rows[0]) if len(rows) == 1 else None


def page(connection: Connection, project: Project, limit: int, marker: str | None) -> Page[Instance]:
    """At most ``limit`` living instances after the id ``marker``, newest first within the page."""
    query = _pages(every_project=isinstance(project, Scope), marked=marker is not None)
    rows = connection.execute(query, {"project": project, "marker": marker, "most": limit + 1}).all()
    items = [whole(row) for row in rows[:limit]]
    next_marker = items[-1].id if len(rows) > limit else None
    return Page(tuple(sorted(items, key=lambda item: item.created, reverse=True)), next_marker)


def locked(connection: Connection, project: Project, instance_id: str) -> Row[tuple[str, str]]:
    """``project_id`` and ``task`` of a living instance, which nobody else changes before this transaction ends.

    Raises NotFound.
    """
    query = _living(select(_i.project_id, _i.task), project).where(_i.id == instance_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _missing(instance_id)
    return row


def require_known(connection: Connection, project: Project, instance_id: str) -> None:
    """Raises NotFound for an instance that there never was in the project."""
    query = select(_i.id).where(_i.id == instance_id)
    if not isinstance(project, Scope):
        query = query.where(_i.project_id == project)
    if connection.execute(query).first() is None:
        raise _missing(instance_id)


def exists(connection: Connection, instance_id: str) -> bool:
    """Whether it lives, in any project."""
    return connection.execute(select(_i.id).where(_i.id == instance_id, _i.deleted_at.is_(None))).first() is not None


def living(connection: Connection) -> frozenset[str]:
    """The ids of all living instances."""
    return frozenset(connection.execute(select(_i.id).where(_i.deleted_at.is_(None))).scalars())


def deleted(connection: Connection, ids: Collection[str]) -> frozenset[str]:
    """Those of ``ids`` that are known, and deleted."""
    return frozenset(connection.execute(select(_i.id).where(_i.id.in_(ids), _i.deleted_at.is_not(None))).scalars())


def move(connection: Connection, instance_id: str, task: Task | str, event: Event) -> Edge:
    """Takes the edge of the state table from ``task`` on ``event``.

    Raises Conflict when the table has none, or when the instance is not in ``task`` any more.
    """
    edge = step(Task(task), event)
    if not _take(connection, instance_id, edge):
        raise Conflict("The instance has changed meanwhile.", "Look at it and ask again.")
    return edge


def move_if(connection: Connection, instance_id: str, source: Task, event: Event) -> bool:
    """Like ``move``, but says False when the instance is not in ``source`` (any more): a flow that was overtaken."""
    return _take(connection, instance_id, step(source, event))


def rename(connection: Connection, project: Project, instance_id: str, name: str) -> None:
    """Raises NotFound."""
    locked(connection, project, instance_id)
    connection.execute(_one(instance_id).values(name=name))


def set_fault(connection: Connection, instance_id: str, message: str, details: str) -> None:
    connection.execute(_one(instance_id).values(fault_message=message, fault_details=details, fault_at=time.time()))


def clear_fault(connection: Connection, instance_id: str) -> None:
    connection.execute(_one(instance_id).values(fault_message=None, fault_details=None, fault_at=None))


def set_placement(connection: Connection, instance_id: str, placement: Mapping[str, object]) -> None:
    connection.execute(_one(instance_id).values(placement=msgspec.json.encode(placement).decode()))


def pin(connection: Connection, instance_id: str, release: str) -> None:
    """Its agent is to run from this one, by hash."""
    connection.execute(_one(instance_id).values(release=release))


def pinned(connection: Connection) -> frozenset[str]:
    """The releases of all living instances."""
    query = select(_i.release).where(_i.deleted_at.is_(None), _i.release.is_not(None)).distinct()
    return frozenset(connection.execute(query).scalars())


def behind(connection: Connection, release: str) -> int:
    """How many living instances have an agent, and one of another release."""
    query = select(func.count()).where(_i.deleted_at.is_(None), _i.incarnation.is_not(None),
                                       func.coalesce(_i.agent_release, "") != release)
    return int(connection.execute(query).scalar_one())


def set_deleted(connection: Connection, instance_id: str) -> None:
    """The row stays, for operations to refer to; its secrets go, its address is free."""
    connection.execute(_one(instance_id).values(deleted_at=time.time(), **dict.fromkeys(_SEALED)))


def _take(connection: Connection, instance_id: str, edge: Edge) -> bool:
    statement = _one(instance_id).where(_i.task == edge.source.value).values(task=edge.target.value)
    taken = connection.execute(statement).rowcount == 1
    waits = bool(connection.execute(select(_i.observed_waiting).where(_i.id == instance_id)).scalar())
    was, became = status(edge.source, waiting=waits), status(edge.target, waiting=waits)
    if taken and was != became:
        events.note(connection, EventKind.STATUS, instance_id, edge.sentence, was=was, became=became)
    return taken


@functools.cache
def _pages(*, every_project: bool, marked: bool) -> Select:  # type: ignore[type-arg]
    """Built once, because SQLAlchemy takes longer to recognise a new statement than SQLite to answer it."""
    query = WHOLE.where(_i.deleted_at.is_(None)).order_by(_i.id).limit(bindparam("most"))
    if not every_project:
        query = query.where(_i.project_id == bindparam("project"))
    return query.where(_i.id > bindparam("marker")) if marked else query


def _one(instance_id: str) -> Update:
    return update(schema.instances).where(_i.id == instance_id).values(updated=time.time())


def _living(query: Select, project: Project) -> Select:  # type: ignore[type-arg]
    query = query.where(_i.deleted_at.is_(None))
    return query if isinstance(project, Scope) else query.where(_i.project_id == project)


def _missing(instance_id: str) -> NotFound:
    return NotFound(f"Instance {instance_id} could not be found.")


def whole(row: Row) -> Instance:  # type: ignore[type-arg]
    """A row of ``WHOLE``. Takes the columns by their place: by name it would be a third of the time of a list."""
    (id_, project, name, created, updated, deleted_at, task, volume_gb, host, address, port, access,
     placement, fault_message, fault_details, fault_at, release, group, group_name, *rest) = row
    version, flavor, observed = rest[:len(_VERSION)], rest[len(_VERSION):-len(_OBSERVED)], rest[-len(_OBSERVED):]
    return Instance(
        id_, project, name, created, updated, deleted_at, Task(task), Version(*version), Flavor(*flavor), volume_gb,
        host, address, port, _mapping(access), _mapping(placement),
        Fault(fault_message, fault_details or "", fault_at) if fault_message else None, release,
        Attached(group, group_name) if group else None, _observed(observed))


def _observed(columns: list[Any]) -> Observed:
    status, sentence, at, skew, started, total, used, root, epoch, agent, contract, release, *last = columns
    waiting, capabilities, incarnation = last
    return Observed(ServiceStatus(status), sentence, at, skew, started, total, used, root, epoch, agent, contract,
                    release, tuple(waiting.split()), frozenset(capabilities.split()), incarnation)


def _mapping(text: str | None) -> dict[str, object]:
    return msgspec.json.decode(text, type=dict[str, object]) if text and text != "{}" else {}
