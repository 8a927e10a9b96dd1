"""Commands about groups of settings: each is one transaction, and an operation for every instance that is touched."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from common.errors import Invalid, Refused
from trove.domain import configurations as rules
from trove.domain.configurations import Change
from trove.domain.parameters import Catalogue, Value
from trove.domain.states import Event, Task, can, step

from . import answers, catalog, configurations, instances, operations, parameters
from .store import Store
from .views import Configuration, Holder, Instance, Page, Project, Scope

_GIB = 2**30
_EVERY = Scope.EVERY_PROJECT


@dataclass(frozen=True, slots=True)
class Planned:
    """What a change does to one instance; ``later``: when what is done with it now has ended."""

    instance_id: str
    name: str
    changes: tuple[Change, ...]
    later: bool


class Settings:
    """``wake`` as in ``Commands``. With ``dry`` nothing is done: the answer is the plan all the same."""

    def __init__(self, store: Store, wake: Callable[[str, str | None], None]) -> None:
        self._store = store
        self._wake = wake

    def create(self, project: str, name: str, description: str | None, values: Mapping[str, Value], *,
               datastore: str, version: str | None, number: str | None, repair: bool = False,
               dry: bool = False, once: str | None = None) -> Configuration | None:
        """``once`` as in ``Commands``. Raises NotFound (the datastore), Invalid, Unsupported or Rejected. None when
        ``dry``."""
        with self._store.write() as connection:
            if (done := answers.done(connection, once)) is not None:
                return configurations.get(connection, project, done.made_id)
            chosen = catalog.choose(connection, datastore, version, number)
            made = parameters.catalogue(connection, chosen).canonical(values)
            if dry:
                return None
            configuration_id = str(uuid.uuid4())
            configurations.insert(connection, configuration_id, project, name, description, chosen, made,
                                  repair=repair)
            answers.put_down(connection, once, configuration_id)
            return configurations.get(connection, project, configuration_id)

    def get(self, project: Project, configuration_id: str) -> Configuration:
        """Raises NotFound."""
        with self._store.read() as connection:
            return configurations.get(connection, project, configuration_id)

    def page(self, project: Project, limit: int = 20, marker: str | None = None) -> Page[Configuration]:
        with self._store.read() as connection:
            return configurations.page(connection, project, limit, marker)

    def instances(self, project: Project, configuration_id: str, limit: int,
                  marker: str | None) -> Page[Holder]:
        """Raises NotFound."""
        with self._store.read() as connection:
            group = configurations.get(connection, project, configuration_id)
            return configurations.holders(connection, group, limit, marker)

    def change(self, project: Project, configuration_id: str, values: Mapping[str, Value], *, merge: bool,
               request_id: str, told: Mapping[str, str | None] | None = None, repair: bool | None = None,
               dry: bool = False) -> tuple[Planned, ...]:
        """``merge``: what it has else stays; ``told``: another name or description. An instance that is being changed
        gets the values afterwards (``catch_up``). Raises NotFound or Rejected."""
        with self._store.write() as connection:
            group = configurations.get(connection, project, configuration_id, lock=True)
            catalogue = parameters.catalogue(connection, group.version)
            made = {**(group.values if merge else {}), **catalogue.canonical(values)}
            having = configurations.having(connection, group.id)
            planned = [self._planned(connection, catalogue, each, made) for each in having]
            asked = [] if dry else _ask_each(connection, having, request_id)
            if not dry:
                configurations.change(connection, group.id, made, group.repair if repair is None else repair,
                                      told or {})
        self._wake_all(asked)
        return tuple(planned)

    def delete(self, project: Project, configuration_id: str) -> None:
        """Raises NotFound, or Refused while an instance has it."""
        with self._store.write() as connection:
            configurations.delete(connection, configurations.get(connection, project, configuration_id, lock=True))

    def attach(self, project: Project, instance_id: str, configuration_id: str, *, request_id: str,
               dry: bool = False) -> tuple[Planned, ...]:
        """Raises NotFound, Refused for an instance that has one, Invalid for one of another version, Rejected, Conflict
        while it is being changed.

        Locks the group before the instance, as ``change`` does; an instance has groups of its own project alone."""
        with self._store.write() as connection:
            owner = instances.get(connection, project, instance_id).project_id
            group = configurations.get(connection, owner, configuration_id, lock=True)
            instances.locked(connection, project, instance_id)
            instance = instances.get(connection, project, instance_id)
            check_fits(group, instance.version.id)
            if instance.configuration is not None:
                raise Refused(f"The instance has the configuration {instance.configuration.name} already.",
                              "Detach that first.")
            step(instance.task, Event.CONFIGURE_ASKED)
            catalogue = parameters.catalogue(connection, group.version)
            planned = self._planned(connection, catalogue, instance_id, group.values)
            asked = [] if dry else [ask(connection, instance_id, request_id)]
            if not dry:
                configurations.attach(connection, instance_id, group.id)
        self._wake_all(asked)
        return (planned,)

    def detach(self, project: Project, instance_id: str, *, request_id: str, dry: bool = False) -> tuple[Planned, ...]:
        """Nothing to do where none is attached. Raises NotFound, or Conflict while it is being changed."""
        with self._store.write() as connection:
            instances.locked(connection, project, instance_id)
            instance = instances.get(connection, project, instance_id)
            if instance.configuration is None:
                return ()
            step(instance.task, Event.CONFIGURE_ASKED)
            catalogue = parameters.catalogue(connection, instance.version)
            planned = self._planned(connection, catalogue, instance_id, {})
            asked = [] if dry else [ask(connection, instance_id, request_id)]
            if not dry:
                configurations.attach(connection, instance_id, None)
        self._wake_all(asked)
        return (planned,)

    def defaults(self, project: Project, instance_id: str) -> dict[str, str]:
        """What its server has where no group says anything. Raises NotFound, Unsupported."""
        with self._store.read() as connection:
            instance = instances.get(connection, project, instance_id)
            catalogue = parameters.catalogue(connection, instance.version)
            return catalogue.defaults(instance.flavor.ram, volume_bytes(instance))

    def _planned(self, connection: Connection, catalogue: Catalogue, instance_id: str,
                 values: Mapping[str, str]) -> Planned:
        """Raises Rejected for what is too much for its flavor."""
        instance = instances.get(connection, _EVERY, instance_id)
        catalogue.canonical(values, instance.flavor.ram)
        without = catalogue.defaults(instance.flavor.ram, volume_bytes(instance))
        before = configurations.configured(connection, instance_id)
        return Planned(instance_id, instance.name, rules.plan(catalogue, before, values, without),
                       later=not can(instance.task, Event.CONFIGURE_ASKED))

    def _wake_all(self, asked: Sequence[tuple[str, str]]) -> None:
        for instance_id, operation_id in asked:
            self._wake(instance_id, operation_id)


def ask(connection: Connection, instance_id: str, request_id: str) -> tuple[str, str]:
    """The ids of the instance and of the operation by which it gets what its group has. Raises NotFound, Conflict."""
    row = instances.locked(connection, _EVERY, instance_id)
    instances.move(connection, instance_id, row.task, Event.CONFIGURE_ASKED)
    configurations.put_off(connection, instance_id, None)
    operation_id = str(uuid.uuid4())
    operations.insert(connection, operation_id, instance_id, row.project_id, "configure", request_id)
    return instance_id, operation_id


def catch_up(store: Store) -> None:
    """Asks for the changes that were put off, where nothing is in their way any more."""
    with store.read() as connection:
        due = configurations.due(connection)
    if due:
        with store.write() as connection:
            for instance_id, request_id in configurations.due(connection, lock=True):
                ask(connection, instance_id, request_id)


def _ask_each(connection: Connection, ids: Sequence[str], request_id: str) -> list[tuple[str, str]]:
    """Of those that can get it now; of the others it is put off."""
    asked = []
    for instance_id in ids:
        task = Task(instances.locked(connection, _EVERY, instance_id).task)
        if can(task, Event.CONFIGURE_ASKED):
            asked.append(ask(connection, instance_id, request_id))
        elif task not in configurations.GOING:
            configurations.put_off(connection, instance_id, request_id)
    return asked


def check_fits(group: Configuration, version_id: str) -> None:
    """Raises Invalid."""
    if group.version.id != version_id:
        raise Invalid(f"The configuration {group.name} is for {group.version.datastore} {group.version.name}, and the"
                      " instance is of another version.", "Choose one for its version.")


def volume_bytes(instance: Instance) -> int:
    """As its agent sees the volume, else as it was asked for."""
    return instance.observed.volume_total or (instance.volume_gb or 1) * _GIB
