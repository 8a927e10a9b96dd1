"""Instances as administrators look at them: of all projects, and those that are deleted, too."""

from sqlalchemy import Connection

from common.errors import NotFound

from . import schema
from .instances import WHOLE, whole
from .views import Instance, Page

_i = schema.instances.c


def get(connection: Connection, instance_id: str) -> Instance:
    """Raises NotFound for one that there never was."""
    row = connection.execute(WHOLE.where(_i.id == instance_id)).one_or_none()
    if row is None:
        raise NotFound(f"Instance {instance_id[:64]} could not be found.")
    return whole(row)


def page(connection: Connection, limit: int, offset: int, deleted: bool | None, project: str | None) -> Page[Instance]:
    """At most ``limit`` behind the first ``offset``, the last changed first; the marker is the next offset."""
    query = WHOLE.order_by(_i.updated.desc(), _i.id).offset(offset).limit(limit + 1)
    if deleted is not None:
        query = query.where(_i.deleted_at.is_not(None) if deleted else _i.deleted_at.is_(None))
    if project is not None:
        query = query.where(_i.project_id == project)
    found = tuple(whole(row) for row in connection.execute(query))
    return Page(found[:limit], str(offset + limit) if len(found) > limit else None)
