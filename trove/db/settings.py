"""Commands about groups of settings: each is one transaction, and an operation for every instance that is touched."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from common.errors import Conflict, Invalid, Refused
from trove.domain import configurations as rules
from trove.domain.configurations import Change
from trove.domain.parameters import Catalogue, Value
from trove.domain.states import Event, Task

from . import catalog, configurations, instances, operations, parameters
from .store import Store
from .views import Configuration, Instance, Page, Project, Scope

_GIB = 2**30
_EVERY = Scope.EVERY_PROJECT
_GOING = (Task.DELETING.value, Task.DELETE_FAILED.value)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a change does to one instance."""

    instance_id: str
    name: str
    changes: tuple[Change, ...]


class Settings:
    """``wake`` as in ``Commands``. With ``dry`` nothing is done: the answer is the plan all the same."""

    def __init__(self, store: Store, wake: Callable[[str, str | None], None]) -> None:
        self._store = store
        self._wake = wake

    def create(self, project: str, name: str, description: str | None, values: Mapping[str, Value], *,
               datastore: str, version: str | None, number: str | None, repair: bool = False,
               dry: bool = False) -> Configuration | None:
        """Raises NotFound (the datastore), Invalid, Unsupported or Rejected. None when ``dry``."""
        with self._store.write() as connection:
            chosen = catalog.choose(connection, datastore, version, number)
            made = parameters.catalogue(connection, chosen).canonical(values)
            if dry:
                return None
            configuration_id = str(uuid.uuid4())
            configurations.insert(connection, configuration_id, project, name, description, chosen, made,
                                  repair=repair)
            return configurations.get(connection, project, configuration_id)

    def get(self, project: Project, configuration_id: str) -> Configuration:
        """Raises NotFound."""
        with self._store.read() as connection:
            return configurations.get(connection, project, configuration_id)

    def page(self, project: Project, limit: int = 20, marker: str | None = None) -> Page[Configuration]:
        with self._store.read() as connection:
            return configurations.page(connection, project, limit, marker)

    def instances(self, project: Project, configuration_id: str, limit: int,
                  marker: str | None) -> Page[tuple[str, str]]:
        """Ids and names. Raises NotFound."""
        with self._store.read() as connection:
            configurations.get(connection, project, configuration_id)
            return configurations.named(connection, configuration_id, limit, marker)

    def change(self, project: Project, configuration_id: str, values: Mapping[str, Value], *, merge: bool,
               request_id: str, name: str | None = None, description: str | None = None, repair: bool | None = None,
               dry: bool = False) -> tuple[Planned, ...]:
        """``merge``: what it has else stays. Raises NotFound, Rejected, or Conflict while one of its instances is
        being changed."""
        with self._store.write() as connection:
            group = configurations.get(connection, project, configuration_id, lock=True)
            catalogue = parameters.catalogue(connection, group.version)
            made = {**(group.values if merge else {}), **catalogue.canonical(values)}
            having = configurations.having(connection, group.id)
            planned = [self._planned(connection, catalogue, each, made) for each in having]
            asked = [] if dry else self._ask(connection, having, request_id)
            if not dry:
                configurations.change(connection, group.id, made, name=name, description=description,
                                      repair=group.repair if repair is None else repair)
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
            catalogue = parameters.catalogue(connection, group.version)
            planned = self._planned(connection, catalogue, instance_id, group.values)
            asked = [] if dry else self._ask(connection, (instance_id,), request_id)
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
            catalogue = parameters.catalogue(connection, instance.version)
            planned = self._planned(connection, catalogue, instance_id, {})
            asked = [] if dry else self._ask(connection, (instance_id,), request_id)
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
        return Planned(instance_id, instance.name, rules.plan(catalogue, before, values, without))

    def _ask(self, connection: Connection, ids: Sequence[str], request_id: str) -> list[tuple[str, str]]:
        """An operation for each. Raises Conflict that names the one that is busy."""
        asked = []
        for instance_id in ids:
            row = instances.locked(connection, _EVERY, instance_id)
            if row.task in _GOING:
                continue
            try:
                instances.move(connection, instance_id, row.task, Event.CONFIGURE_ASKED)
            except Conflict as error:
                raise Conflict(f"Instance {instance_id}: {error.message}", error.hint) from None
            operation_id = str(uuid.uuid4())
            operations.insert(connection, operation_id, instance_id, row.project_id, "configure", request_id)
            asked.append((instance_id, operation_id))
        return asked

    def _wake_all(self, asked: Sequence[tuple[str, str]]) -> None:
        for instance_id, operation_id in asked:
            self._wake(instance_id, operation_id)


def check_fits(group: Configuration, version_id: str) -> None:
    """Raises Invalid."""
    if group.version.id != version_id:
        raise Invalid(f"The configuration {group.name} is for {group.version.datastore} {group.version.name}, and the"
                      " instance is of another version.", "Choose one for its version.")


def volume_bytes(instance: Instance) -> int:
    """As its agent sees the volume, else as it was asked for."""
    return instance.observed.volume_total or (instance.volume_gb or 1) * _GIB
