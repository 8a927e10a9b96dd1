"""What an operator registers: versions of datastores whose programs stand where he says."""

import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from common import datastores
from common.errors import Exists, Invalid

from . import catalog, schema
from .views import Version

_d, _v, _c = schema.datastores.c, schema.datastore_versions.c, schema.configurations.c


@dataclass(frozen=True, slots=True)
class NewVersion:
    """``datastore`` is a name, of a new one perhaps, and ``manager`` its engine; ``name`` is what people choose by and
    ``number`` what the server says. ``binaries`` is a directory or a program; empty: the system's."""

    datastore: str
    manager: str
    name: str
    number: str
    binaries: str
    active: bool = True
    default: bool = False


def check(wanted: NewVersion) -> None:
    """Raises Invalid for an engine or a number that Trove does not manage."""
    if wanted.manager not in datastores.ENGINES:
        raise Invalid(f"There is no engine {wanted.manager}.", f"Choose one of: {', '.join(datastores.ENGINES)}.")
    known = datastores.manifest(wanted.manager).versions
    if wanted.number not in known:
        raise Invalid(f"Trove does not manage {wanted.manager} {wanted.number}.", f"Choose one of: {', '.join(known)}.")


def register(connection: Connection, wanted: NewVersion) -> None:
    """Raises Exists for a name that is taken, and Invalid for a datastore of another engine."""
    row = connection.execute(select(_d.id, _d.manager).where(_d.name == wanted.datastore)).one_or_none()
    if row is not None and row.manager != wanted.manager:
        raise Invalid(f"The datastore {wanted.datastore} is of the engine {row.manager}.", "Name another datastore.")
    datastore_id, version_id = row.id if row is not None else str(uuid.uuid4()), str(uuid.uuid4())
    if row is None:
        connection.execute(insert(schema.datastores).values(id=datastore_id, name=wanted.datastore,
                                                            manager=wanted.manager))
    if connection.execute(select(_v.id).where(_v.datastore_id == datastore_id, _v.name == wanted.name)).first():
        raise Exists(f"{wanted.datastore} has a version {wanted.name}.", "Give this one another name.")
    connection.execute(insert(schema.datastore_versions).values(
        id=version_id, datastore_id=datastore_id, name=wanted.name, version=wanted.number, binaries=wanted.binaries,
        active=wanted.active))
    if wanted.default or row is None:
        _make_default(connection, datastore_id, version_id)


def change(connection: Connection, version_id: str, name: str | None, active: bool | None, default: bool) -> None:
    """What is None stays. Raises NotFound, and Exists for a name that is taken."""
    row = catalog.version(connection, version_id)
    same = select(_v.id).where(_v.datastore_id == row.datastore_id, _v.name == name, _v.id != row.id)
    if name is not None and connection.execute(same).first():
        raise Exists(f"{row.datastore} has a version {name}.", "Give this one another name.")
    changed = {"name": name, "active": active}
    values = {key: value for key, value in changed.items() if value is not None}
    if values:
        connection.execute(update(schema.datastore_versions).where(_v.id == row.id).values(values))
    if default:
        _make_default(connection, row.datastore_id, row.id)


def remove(connection: Connection, version_id: str) -> None:
    """With what operators said of its parameters, and the groups of settings that were deleted. Raises NotFound, and
    Invalid for one that is used or was."""
    row = catalog.version(connection, version_id)
    try:
        with connection.begin_nested():
            connection.execute(update(schema.datastores).where(_d.default_version_id == row.id)
                               .values(default_version_id=None))
            rules = schema.parameter_rules
            connection.execute(delete(rules).where(rules.c.datastore_version_id == row.id))
            connection.execute(delete(schema.configurations).where(
                _c.datastore_version_id == row.id, _c.deleted_at.is_not(None)))
            connection.execute(delete(schema.datastore_versions).where(_v.id == row.id))
    except IntegrityError:
        raise Invalid(f"{row.datastore} {row.name} is used by instances or configuration groups, or was by instances"
                      " whose record is kept.", "Switch it off instead: nobody can choose it then.") from None


def elsewhere(connection: Connection) -> tuple[tuple[str, str], ...]:
    """Engine and binaries of every version whose programs are not meant by the system's names."""
    rows = connection.execute(select(_d.manager, _v.binaries).join(schema.datastores, _d.id == _v.datastore_id)
                              .where(_v.binaries != "").distinct().order_by(_v.binaries))
    return tuple((row.manager, row.binaries) for row in rows)


def every(connection: Connection) -> tuple[tuple[Version, bool], ...]:
    """All versions, by datastore and name, and whether each is its datastore's default."""
    return tuple((version, version.id == each.default_version_id)
                 for each in catalog.datastores(connection) for version in each.versions)


def _make_default(connection: Connection, datastore_id: str, version_id: str) -> None:
    connection.execute(update(schema.datastores).where(_d.id == datastore_id).values(default_version_id=version_id))
