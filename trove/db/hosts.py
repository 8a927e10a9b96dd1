"""The register of hosts."""

import time

import msgspec
from sqlalchemy import Connection, Update, delete, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError

from common.errors import Conflict, NotFound
from trove.domain.events import EventKind
from trove.domain.hosts import Facts, Host, HostState, news

from . import events, schema, spots
from .store import Store

_h, _i = schema.hosts.c, schema.instances.c
NAMED = 20
"""Ids of instances in a refusal; there may be hundreds."""


class Register:
    """``trove.domain.hosts.Hosts``, each time as it is in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> tuple[Host, ...]:
        with self._store.read() as connection:
            return all_of(connection)

    def get(self, name: str) -> Host:
        with self._store.read() as connection:
            return get(connection, name)


def all_of(connection: Connection) -> tuple[Host, ...]:
    return tuple(_host(row) for row in connection.execute(select(schema.hosts).order_by(_h.name)))


def get(connection: Connection, name: str, *, alone: bool = False) -> Host:
    """``alone``: nobody else changes it until this transaction ends. Raises NotFound."""
    query = select(schema.hosts).where(_h.name == name)
    row = connection.execute(query.with_for_update() if alone else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no host {name}.", "See trovectl host list.")
    return _host(row)


def add(connection: Connection, host: Host) -> None:
    """Raises Conflict when its name, or its address and port, are taken."""
    row = msgspec.structs.asdict(host) | {"state": host.state.value, "facts": _text(host.facts)}
    try:
        connection.execute(insert(schema.hosts).values(row))
    except IntegrityError:
        raise Conflict(f"The name {host.name} or the address {host.address}, port {host.port}, is another host's.",
                       "See trovectl host list.") from None


def note_check(connection: Connection, name: str, facts: Facts | None, problem: str) -> bool:
    """What a look at it told; without ``facts`` those of an earlier one stay. The instances there get events.

    Whether it is back: it was ill and is well, or was started anew. Of one that is lost nothing is noted. Raises
    NotFound.
    """
    before = get(connection, name, alone=True)
    if before.state is HostState.LOST:
        return False
    told = news(before, facts, problem)
    seen = {} if facts is None else {"facts": _text(facts)}
    connection.execute(_one(name).values(problem=problem, checked_at=time.time(), **seen))
    if told is None:
        return False
    kind, sentence = told
    for instance_id in standing(connection, name):
        events.note(connection, kind, instance_id, sentence)
    return kind is EventKind.HOST_BACK


def set_state(connection: Connection, name: str, state: HostState) -> None:
    """Raises NotFound, and Conflict for one that is lost and is to be drained."""
    before = get(connection, name, alone=True)
    if before.state is HostState.LOST and state is HostState.DRAINING:
        raise Conflict(f"The host {name} is lost for good, and takes no instance anyway.",
                       f"If it is there after all: trovectl host activate {name}.")
    connection.execute(_one(name).values(state=state.value))


def lose(connection: Connection, name: str) -> None:
    """The machine is gone for good, and so is what stood there: the instances get events. Raises NotFound."""
    spots.take_turn(connection)
    if get(connection, name, alone=True).state is HostState.LOST:
        return
    connection.execute(_one(name).values(state=HostState.LOST.value))
    for instance_id in standing(connection, name):
        events.note(connection, EventKind.HOST_LOST, instance_id,
                    f"The host {name} is lost for good, as its operator said, and the data with it.")


def lost_under(connection: Connection, instance_id: str) -> str | None:
    """The host of a living instance, when it is lost for good."""
    query = select(_h.name).join(schema.instances, _i.host == _h.name).where(
        _i.id == instance_id, _i.deleted_at.is_(None), _h.state == HostState.LOST.value)
    return connection.execute(query).scalar_one_or_none()


def stranded(connection: Connection) -> frozenset[str]:
    """The ids of the living instances whose hosts are lost for good."""
    query = select(_i.id).join(schema.hosts, _i.host == _h.name).where(
        _i.deleted_at.is_(None), _h.state == HostState.LOST.value)
    return frozenset(connection.execute(query).scalars())


def forget_emptied(connection: Connection, instance_id: str) -> None:
    """A lost host goes with the last of the instances that stood there, which is deleted."""
    its = select(_h.name).join(schema.instances, _i.host == _h.name).where(
        _i.id == instance_id, _h.state == HostState.LOST.value).with_for_update(of=schema.hosts)
    name = connection.execute(its).scalar_one_or_none()
    if name is not None and not standing(connection, name):
        connection.execute(delete(schema.hosts).where(_h.name == name))


def remove(connection: Connection, name: str) -> None:
    """Raises NotFound, and Conflict while instances stand there."""
    spots.take_turn(connection)
    get(connection, name)
    if there := standing(connection, name):
        more = f" and {len(there) - NAMED} more" if len(there) > NAMED else ""
        raise Conflict(f"On the host {name} stand {len(there)} instances: {', '.join(there[:NAMED])}{more}.",
                       "Delete them first; trovectl host drain keeps new ones away.")
    connection.execute(delete(schema.hosts).where(_h.name == name))


def standing(connection: Connection, name: str) -> list[str]:
    """The ids of the living instances there."""
    query = select(_i.id).where(_i.host == name, _i.deleted_at.is_(None)).order_by(_i.id)
    return [str(found) for found in connection.execute(query).scalars()]


def _one(name: str) -> Update:
    return update(schema.hosts).where(_h.name == name)


def _text(facts: Facts | None) -> str | None:
    return None if facts is None else msgspec.json.encode(facts).decode()


def _host(row: Row) -> Host:  # type: ignore[type-arg]
    told = dict(row._mapping)
    facts = None if row.facts is None else msgspec.json.decode(row.facts, type=Facts)
    return Host(**told | {"state": HostState(row.state), "facts": facts})
