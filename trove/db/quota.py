"""Quota: reserved in the transaction that makes an instance's row, released in the one that marks it deleted."""

from collections.abc import Mapping

from sqlalchemy import Connection, and_, case, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from common.errors import Invalid, NotFound, OverQuota
from trove.domain.limits import RESOURCES, UNLIMITED
from trove.domain.states import Task

from . import schema
from .views import Quota

_usage, _limits, _held = schema.quota_usage, schema.quota_limits, schema.quota_reservations
_UNITS = {"instances": "instances", "ram": "MB of memory", "volumes": "GB of volumes", "backups": "backups"}


def reserve(connection: Connection, project: str, instance_id: str, charge: Mapping[str, int],
            defaults: Mapping[str, int]) -> None:
    """Charges the project by conditional updates: no two creations get the same last place. Raises OverQuota."""
    for resource in sorted(charge):  # one order for all, or two creations could wait for one another
        amount = charge[resource]
        _keep_or_insert(connection, project, resource)
        limit = _limit(project, resource, defaults[resource])
        fits = or_(limit == UNLIMITED, _usage.c.in_use + amount <= limit)
        statement = (update(_usage).where(_usage.c.project_id == project, _usage.c.resource == resource, fits)
                     .values(in_use=_usage.c.in_use + amount))
        if amount and connection.execute(statement).rowcount != 1:
            raise _over(connection, project, resource, amount, defaults)
        connection.execute(_held.insert().values(instance_id=instance_id, resource=resource, project_id=project,
                                                 amount=amount))


def release(connection: Connection, instance_id: str) -> None:
    """Gives back what the instance holds; nothing the second time."""
    held = connection.execute(delete(_held).where(_held.c.instance_id == instance_id)
                              .returning(_held.c.project_id, _held.c.resource, _held.c.amount)).all()
    for project, resource, amount in sorted(held):
        left = case((_usage.c.in_use > amount, _usage.c.in_use - amount), else_=0)
        connection.execute(update(_usage).where(_usage.c.project_id == project, _usage.c.resource == resource)
                           .values(in_use=left))


def of_project(connection: Connection, project: str, defaults: Mapping[str, int]) -> tuple[Quota, ...]:
    """One a resource, in the order of ``RESOURCES``."""
    used = {row.resource: row.in_use for row in
            connection.execute(select(_usage).where(_usage.c.project_id == project))}
    limits = {row.resource: row.limit for row in
              connection.execute(select(_limits).where(_limits.c.project_id == project))}
    building = _of_building(connection, project)
    return tuple(Quota(resource, used.get(resource, 0), building.get(resource, 0),
                       limits.get(resource, defaults[resource])) for resource in RESOURCES)


def set_limits(connection: Connection, project: str, limits: Mapping[str, int]) -> None:
    """Raises NotFound for a resource that there is not, Invalid for a number below -1."""
    for resource, limit in sorted(limits.items()):
        if resource not in RESOURCES:
            raise NotFound(f"There is no quota for {resource!r}.", f"Choose one of: {', '.join(RESOURCES)}.")
        if limit < UNLIMITED:
            raise Invalid(f"A limit of {limit} for {resource} is not possible.", "-1 means no limit.")
        insert = _insert(connection)(_limits).values(project_id=project, resource=resource, limit=limit)
        connection.execute(insert.on_conflict_do_update(index_elements=["project_id", "resource"],
                                                        set_={"limit": limit}))


def _keep_or_insert(connection: Connection, project: str, resource: str) -> None:
    insert = _insert(connection)(_usage).values(project_id=project, resource=resource, in_use=0)
    connection.execute(insert.on_conflict_do_nothing())


def _insert(connection: Connection):  # type: ignore[no-untyped-def]  # two classes without a common ancestor
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert


def _limit(project: str, resource: str, default: int):  # type: ignore[no-untyped-def]
    own = select(_limits.c.limit).where(_limits.c.project_id == project, _limits.c.resource == resource)
    return func.coalesce(own.scalar_subquery(), default)


def _of_building(connection: Connection, project: str) -> dict[str, int]:
    instances = schema.instances.c
    query = (select(_held.c.resource, func.sum(_held.c.amount))
             .join(schema.instances, and_(instances.id == _held.c.instance_id,
                                          instances.task == Task.BUILDING.value))
             .where(_held.c.project_id == project).group_by(_held.c.resource))
    return {resource: int(amount) for resource, amount in connection.execute(query)}


def _over(connection: Connection, project: str, resource: str, amount: int, defaults: Mapping[str, int]) -> OverQuota:
    now = next(quota for quota in of_project(connection, project, defaults) if quota.resource == resource)
    unit = _UNITS[resource]
    return OverQuota(f"The project uses {now.in_use} of its {now.limit} {unit}, and this asks for {amount} more.",
                     "Delete what is not needed, or ask an administrator for a higher limit.")
