"""What may be asked for: datastores, their versions, flavors."""

import uuid
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, or_, select, update
from sqlalchemy.engine import Row

from common.errors import Invalid, NotFound
from trove.domain import selection

from . import schema
from .views import Datastore, Flavor, Version

_d, _v, _f = schema.datastores.c, schema.datastore_versions.c, schema.flavors.c
_VERSIONS = select(_v.id, _v.datastore_id, _d.name.label("datastore"), _d.manager, _v.name, _v.version.label("number"),
                   _v.binaries, _v.active).join(schema.datastores, _d.id == _v.datastore_id).order_by(_v.name, _v.id)

FLAVORS = (
    Flavor("1", "db.small", 512, 1, 0),
    Flavor("2", "db.medium", 1024, 1, 0),
    Flavor("3", "db.large", 2048, 2, 0),
    Flavor("4", "db.xlarge", 4096, 2, 0),
    Flavor("5", "db.2xlarge", 8192, 4, 0),
)
"""What a new installation offers."""


def datastores(connection: Connection) -> tuple[Datastore, ...]:
    """In order of names, each with all its versions; two SQL statements."""
    rows = connection.execute(select(schema.datastores).order_by(_d.name)).all()
    versions = [Version(*row) for row in connection.execute(_VERSIONS)]
    return tuple(_datastore(row, versions) for row in rows)


def datastore(connection: Connection, key: str) -> Datastore:
    """By id or name. Raises NotFound."""
    offered = datastores(connection)
    found = next((each for each in offered if key in (each.id, each.name)), None)
    if found is None:
        names = ", ".join(each.name for each in offered)
        raise NotFound(f"Datastore {key} could not be found.", f"Choose one of: {names}." if names else
                       "There is none: no machine has a database engine.")
    return found


def version(connection: Connection, key: str, datastore_key: str | None = None) -> Version:
    """By id; within a datastore by name too. Raises NotFound."""
    query = _VERSIONS.where(_v.id == key)
    if datastore_key is not None:
        within = datastore(connection, datastore_key)
        query = _VERSIONS.where(_v.datastore_id == within.id, or_(_v.id == key, _v.name == key))
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"Datastore version {key} could not be found.", "List those that there are.")
    return Version(*row)


def choose(connection: Connection, datastore_key: str, wanted: str | None, number: str | None) -> Version:
    """The version that a creation means. Raises NotFound for the datastore, Invalid for the version."""
    within = datastore(connection, datastore_key)
    return selection.choose_version(within.versions, within.default_version_id, wanted, number)


def flavors(connection: Connection) -> tuple[Flavor, ...]:
    """Smallest first."""
    return tuple(Flavor(*row) for row in connection.execute(select(schema.flavors).order_by(_f.ram, _f.vcpus, _f.id)))


def flavor(connection: Connection, key: str) -> Flavor:
    """By id. Raises NotFound."""
    row = connection.execute(select(schema.flavors).where(_f.id == key)).one_or_none()
    if row is None:
        raise NotFound(f"Flavor {key} could not be found.", "List those that there are.")
    return Flavor(*row)


def wanted_flavor(connection: Connection, key: str) -> Flavor:
    """By id or name, as a creation names it. Raises Invalid with what there is."""
    offered = flavors(connection)
    found = next((each for each in offered if each.id == key), None)
    found = found or next((each for each in offered if each.name == key), None)
    if found is None:
        names = ", ".join(f"{each.id} ({each.name})" for each in offered)
        raise Invalid(f"There is no flavor {key}.", f"Choose one of: {names}.")
    return found


def seed(connection: Connection, versions: Mapping[str, str], managers: Mapping[str, str] | None = None,
         binaries: str = "") -> None:
    """Offers these versions by datastore name, and the usual flavors when there are none. May be asked again.

    ``managers``: the engine of a datastore whose name is not its engine's. ``binaries``: where their programs are.
    """
    for name, number in sorted(versions.items()):
        _offer(connection, name, (managers or {}).get(name, name), number, binaries)
    if connection.execute(select(_f.id).limit(1)).first() is None:
        connection.execute(schema.flavors.insert(), [msgspec.to_builtins(each) for each in FLAVORS])


def _offer(connection: Connection, name: str, manager: str, number: str, binaries: str) -> None:
    datastore_id = connection.execute(select(_d.id).where(_d.name == name)).scalar_one_or_none()
    if datastore_id is None:
        datastore_id = str(uuid.uuid4())
        connection.execute(schema.datastores.insert().values(id=datastore_id, name=name, manager=manager))
    same = select(_v.id).where(_v.datastore_id == datastore_id, _v.name == number, _v.version == number)
    version_id = connection.execute(same).scalar_one_or_none()
    if version_id is None:
        version_id = str(uuid.uuid4())
        connection.execute(schema.datastore_versions.insert().values(id=version_id, datastore_id=datastore_id,
                                                                     name=number, version=number, binaries=binaries))
    connection.execute(update(schema.datastores).where(_d.id == datastore_id, _d.default_version_id.is_(None))
                       .values(default_version_id=version_id))


def _datastore(row: Row, versions: list[Version]) -> Datastore:  # type: ignore[type-arg]
    return Datastore(row.id, row.name, row.manager, row.default_version_id,
                     tuple(each for each in versions if each.datastore_id == row.id))
