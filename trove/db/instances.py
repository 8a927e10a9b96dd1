"""Instances: reading them whole, and the columns that API and flows write."""

import json
import time
from collections.abc import Mapping

from sqlalchemy import Connection, Select, Update, select, update
from sqlalchemy.engine import Row

from common.contract.types import ServiceStatus
from common.errors import Conflict, NotFound
from common.states import Edge, Event, Task, step

from . import schema
from .views import Fault, Flavor, Instance, Observed, Page, Project, Scope, Version

_i, _v, _d, _f = schema.instances.c, schema.datastore_versions.c, schema.datastores.c, schema.flavors.c
_SEALED = frozenset(("order", "key_to_guest", "key_from_guest", "bus_password"))
_COLUMNS = (
    *(column for column in _i if column.name not in _SEALED),
    _d.id.label("datastore_id"), _d.name.label("datastore"), _d.manager.label("manager"),
    _v.name.label("version_name"), _v.version.label("version_number"), _v.binaries.label("binaries"),
    _v.active.label("version_active"),
    _f.name.label("flavor_name"), _f.ram.label("ram"), _f.vcpus.label("vcpus"), _f.disk.label("disk"),
)
_WHOLE = select(*_COLUMNS).select_from(
    schema.instances
    .join(schema.datastore_versions, _v.id == _i.datastore_version_id)
    .join(schema.datastores, _d.id == _v.datastore_id)
    .join(schema.flavors, _f.id == _i.flavor_id)
)


def get(connection: Connection, project: Project, instance_id: str) -> Instance:
    """A living instance. Raises NotFound."""
    row = connection.execute(_living(_WHOLE, project).where(_i.id == instance_id)).one_or_none()
    if row is None:
        raise _missing(instance_id)
    return _instance(row)


def page(connection: Connection, project: Project, limit: int, marker: str | None) -> Page[Instance]:
    """At most ``limit`` living instances after the id ``marker``, newest first within the page."""
    query = _living(_WHOLE, project).order_by(_i.id).limit(limit + 1)
    if marker is not None:
        query = query.where(_i.id > marker)
    rows = connection.execute(query).all()
    items = [_instance(row) for row in rows[:limit]]
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


def exists(connection: Connection, instance_id: str) -> bool:
    """Whether it lives, in any project."""
    return connection.execute(select(_i.id).where(_i.id == instance_id, _i.deleted_at.is_(None))).first() is not None


def living(connection: Connection) -> frozenset[str]:
    """The ids of all living instances."""
    return frozenset(connection.execute(select(_i.id).where(_i.deleted_at.is_(None))).scalars())


def move(connection: Connection, instance_id: str, task: Task | str, event: Event) -> Edge:
    """Takes the edge of the state table from ``task`` on ``event``.

    Raises Conflict when the table has none, or when the instance is not in ``task`` any more.
    """
    edge = step(Task(task), event)
    statement = _one(instance_id).where(_i.task == edge.source.value).values(task=edge.target.value)
    if connection.execute(statement).rowcount != 1:
        raise Conflict("The instance has changed meanwhile.", "Look at it and ask again.")
    return edge


def move_if(connection: Connection, instance_id: str, source: Task, event: Event) -> bool:
    """Like ``move``, but says False when the instance is not in ``source`` (any more): a flow that was overtaken."""
    edge = step(source, event)
    statement = _one(instance_id).where(_i.task == edge.source.value).values(task=edge.target.value)
    return connection.execute(statement).rowcount == 1


def rename(connection: Connection, project: Project, instance_id: str, name: str) -> None:
    """Raises NotFound."""
    locked(connection, project, instance_id)
    connection.execute(_one(instance_id).values(name=name))


def set_fault(connection: Connection, instance_id: str, message: str, details: str) -> None:
    connection.execute(_one(instance_id).values(fault_message=message, fault_details=details, fault_at=time.time()))


def clear_fault(connection: Connection, instance_id: str) -> None:
    connection.execute(_one(instance_id).values(fault_message=None, fault_details=None, fault_at=None))


def taken_addresses(connection: Connection) -> frozenset[str]:
    """The addresses of all living instances, in every project."""
    query = select(_i.address).where(_i.deleted_at.is_(None), _i.address.is_not(None))
    return frozenset(connection.execute(query).scalars())


def set_address(connection: Connection, instance_id: str, address: str, port: int) -> None:
    """Raises sqlalchemy's IntegrityError when another living instance has them."""
    connection.execute(_one(instance_id).values(address=address, port=port))


def set_placement(connection: Connection, instance_id: str, placement: Mapping[str, object]) -> None:
    connection.execute(_one(instance_id).values(placement=json.dumps(placement)))


def set_deleted(connection: Connection, instance_id: str) -> None:
    """The row stays, for operations to refer to; its secrets go, its address is free."""
    connection.execute(_one(instance_id).values(deleted_at=time.time(), **dict.fromkeys(sorted(_SEALED))))


def _one(instance_id: str) -> Update:
    return update(schema.instances).where(_i.id == instance_id).values(updated=time.time())


def _living(query: Select, project: Project) -> Select:  # type: ignore[type-arg]
    query = query.where(_i.deleted_at.is_(None))
    return query if isinstance(project, Scope) else query.where(_i.project_id == project)


def _missing(instance_id: str) -> NotFound:
    return NotFound(f"Instance {instance_id} could not be found.")


def _instance(row: Row) -> Instance:  # type: ignore[type-arg]
    return Instance(
        id=row.id, project_id=row.project_id, name=row.name, created=row.created, updated=row.updated,
        deleted_at=row.deleted_at, task=Task(row.task),
        version=Version(row.datastore_version_id, row.datastore_id, row.datastore, row.manager, row.version_name,
                        row.version_number, row.binaries, row.version_active),
        flavor=Flavor(row.flavor_id, row.flavor_name, row.ram, row.vcpus, row.disk),
        volume_gb=row.volume_gb, address=row.address, port=row.port, access=json.loads(row.access),
        placement=json.loads(row.placement) if row.placement else {},
        fault=Fault(row.fault_message, row.fault_details or "", row.fault_at) if row.fault_message else None,
        observed=_observed(row),
    )


def _observed(row: Row) -> Observed:  # type: ignore[type-arg]
    return Observed(
        status=ServiceStatus(row.observed_status), sentence=row.observed_sentence, at=row.observed_at,
        clock_skew=row.observed_clock_skew, server_started_at=row.server_started_at, volume_total=row.volume_total,
        volume_used=row.volume_used, root_enabled=row.root_observed, key_epoch=row.key_epoch,
        agent_version=row.agent_version, contract_version=row.contract_version,
        capabilities=frozenset(row.capabilities.split()), incarnation=row.incarnation,
    )
