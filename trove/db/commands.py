"""What the API asks for: each command is one transaction, and wakes the task manager when there is work for it.

A ``project`` is a project's id, or ``Scope.EVERY_PROJECT`` for an administrator; an instance of another project is
NotFound, like one that is not there. Errors are of ``common.errors``; ids are UUIDs as text.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from common import datastores
from trove.domain import creation
from trove.domain.kinds import KINDS
from trove.domain.parameters import Catalogue
from trove.domain.rules import Rule
from trove.domain.states import Event, Task

from . import (
    answers,
    births,
    catalog,
    configurations,
    events,
    guests,
    instances,
    interventions,
    managed,
    operations,
    parameters,
    quota,
    root,
    versions,
    views,
)
from .settings import Settings, check_fits
from .store import Store
from .views import Configuration, Datastore, Flavor, Instance, Operation, Page, Project, Quota, RootHistory, Version


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command left for the task manager."""

    instance_id: str
    operation_id: str


def nobody(_instance_id: str, _operation_id: str | None) -> None:
    """Wakes nobody: the task manager's sweep finds the work."""


class Commands:
    """``wake(instance id, operation id or None)`` is called after the commit: in process, or by the bus.

    ``once`` is the claim of a request with an Idempotency-Key (``answers``): under one claim a command is done once,
    and gives what it gave then.
    """

    def __init__(self, store: Store, rules: creation.Rules | None = None,
                 wake: Callable[[str, str | None], None] = nobody) -> None:
        self.store = store
        self.rules = rules or creation.Rules()
        self.wake = wake
        self.settings = Settings(store, wake)

    # Instances

    def create_instance(self, project: str, wanted: creation.NewInstance, *, request_id: str,
                        once: str | None = None) -> Asked:
        """Row, quota, sealed order and operation in one transaction.

        Raises Invalid, Refused, Unsupported, NotFound (the datastore) or OverQuota.
        """
        with self.store.write() as connection:
            if (done := answers.done(connection, once)) is not None:
                return Asked(done.made_id, done.operation_id)
            version = catalog.choose(connection, wanted.datastore or self.rules.default_datastore, wanted.version,
                                     wanted.version_number)
            flavor = catalog.wanted_flavor(connection, wanted.flavor)
            creation.check(wanted, datastores.manifest(version.manager), self.rules)
            group = self._group(connection, project, wanted, version, flavor)
            asked = Asked(str(uuid.uuid4()), str(uuid.uuid4()))
            births.insert(connection, self.store.vault, asked.instance_id, project, wanted, version, flavor, self.rules,
                          group)
            operations.insert(connection, asked.operation_id, asked.instance_id, project, "create", request_id)
            answers.put_down(connection, once, asked.instance_id, asked.operation_id)
        self.wake(asked.instance_id, asked.operation_id)
        return asked

    def _group(self, connection: Connection, project: str, wanted: creation.NewInstance, version: Version,
               flavor: Flavor) -> Configuration | None:
        """The settings that it begins with. Raises NotFound, Invalid for another version's, Rejected."""
        if wanted.configuration is None:
            return None
        group = configurations.get(connection, project, wanted.configuration, lock=True)
        check_fits(group, version.id)
        parameters.catalogue(connection, version).canonical(group.values, flavor.ram)
        return group

    def restart(self, project: Project, instance_id: str, *, request_id: str, once: str | None = None) -> Asked:
        """Raises NotFound or Conflict."""
        return self._act("restart", project, instance_id, request_id, once)

    def reboot(self, project: Project, instance_id: str, *, request_id: str, once: str | None = None) -> Asked:
        """A restart before which the place is put right. Raises NotFound or Conflict."""
        return self._act("reboot", project, instance_id, request_id, once)

    def stop(self, project: Project, instance_id: str, *, request_id: str, once: str | None = None) -> Asked:
        """The server is to be down until a restart. Raises NotFound or Conflict."""
        return self._act("stop", project, instance_id, request_id, once)

    def upgrade_agent(self, project: Project, instance_id: str, release: str | None = None, *, request_id: str,
                      once: str | None = None) -> Asked:
        """To the release of this hash; None: to what new instances get. Raises NotFound or Conflict."""
        return self._act("upgrade", project, instance_id, request_id, once, release)

    def rotate_keys(self, project: Project, instance_id: str, *, request_id: str, once: str | None = None) -> Asked:
        """Other keys and another broker login for its agent. Raises NotFound or Conflict."""
        return self._act("rotate_keys", project, instance_id, request_id, once)

    def _act(self, kind: str, project: Project, instance_id: str, request_id: str, once: str | None,
             release: str | None = None) -> Asked:
        with self.store.write() as connection:
            if (done := answers.done(connection, once)) is not None:
                return Asked(done.made_id, done.operation_id)
            row = instances.locked(connection, project, instance_id)
            instances.move(connection, instance_id, row.task, KINDS[kind].again)
            asked = Asked(instance_id, str(uuid.uuid4()))
            operations.insert(connection, asked.operation_id, instance_id, row.project_id, kind, request_id, release)
            answers.put_down(connection, once, instance_id, asked.operation_id)
        self.wake(instance_id, asked.operation_id)
        return asked

    def delete_instance(self, project: Project, instance_id: str, *, request_id: str) -> Asked:
        """From every state, BUILD too: what is under way is called off. Asked again, it is the same deletion.

        Raises NotFound.
        """
        with self.store.write() as connection:
            row = instances.locked(connection, project, instance_id)
            instances.move(connection, instance_id, row.task, Event.DELETE_ASKED)
            under_way = operations.unended(connection, instance_id, "delete")
            asked = Asked(instance_id, under_way or str(uuid.uuid4()))
            operations.call_off(connection, instance_id, but=asked.operation_id)
            guests.wipe_order(connection, instance_id)
            if under_way is None:
                operations.insert(connection, asked.operation_id, instance_id, row.project_id, "delete", request_id)
        self.wake(instance_id, asked.operation_id)
        return asked

    def reset_status(self, project: Project, instance_id: str, *, once: str | None = None) -> None:
        """Calls off what is under way; an instance that was whole is then ACTIVE. Raises NotFound."""
        with self.store.write() as connection:
            if answers.done(connection, once) is not None:
                return
            row = instances.locked(connection, project, instance_id)
            edge = instances.move(connection, instance_id, row.task, Event.RESET_ASKED)
            operations.call_off(connection, instance_id)
            if edge.target is Task.NONE:
                instances.clear_fault(connection, instance_id)
            elif edge.target is not edge.source:
                instances.set_fault(connection, instance_id, edge.sentence, "reset_status")
            answers.put_down(connection, once, instance_id)
        self.wake(instance_id, None)

    def rename(self, project: Project, instance_id: str, name: str) -> None:
        """Raises NotFound or Invalid."""
        creation.check_name(name)
        with self.store.write() as connection:
            instances.rename(connection, project, instance_id, name)

    def get_instance(self, project: Project, instance_id: str) -> Instance:
        """Raises NotFound, for a deleted one too."""
        with self.store.read() as connection:
            return instances.get(connection, project, instance_id)

    def find_instance(self, project: str, name: str) -> Instance | None:
        """By a name that no other instance of the project has."""
        with self.store.read() as connection:
            return instances.named(connection, project, name)

    def list_instances(self, project: Project, limit: int = 20, marker: str | None = None) -> Page[Instance]:
        """At most ``limit`` after the id ``marker`` in order of ids; the page itself is sorted newest first.

        One SQL statement, whatever the number of rows.
        """
        with self.store.read() as connection:
            return instances.page(connection, project, limit, marker)

    def look_at(self, instance_id: str) -> Instance:
        """Of any project, and one that is deleted, too. Raises NotFound."""
        with self.store.read() as connection:
            return managed.get(connection, instance_id)

    def manage(self, limit: int, offset: int, *, deleted: bool | None, project: str | None) -> Page[Instance]:
        """Of all projects, or of one; living and ``deleted`` ones, or either, the last changed first.

        At most ``limit`` behind the first ``offset``.
        """
        with self.store.read() as connection:
            return managed.page(connection, limit, offset, deleted, project)

    def agents_behind(self, release: str) -> int:
        """How many agents, in all projects, run from another release than this."""
        with self.store.read() as connection:
            return instances.behind(connection, release)

    def list_operations(self, project: Project, instance_id: str) -> tuple[Operation, ...]:
        """What was done to an instance, newest first: each with its step, sentence and error."""
        with self.store.read() as connection:
            return operations.of_instance(connection, project, instance_id)

    # Operations

    def get_operation(self, project: Project, operation_id: str) -> Operation:
        """Also of a deleted instance. Raises NotFound."""
        with self.store.read() as connection:
            return operations.get(connection, operation_id, project)

    def page_operations(self, project: Project, limit: int = 20, marker: str | None = None, *,
                        instance_id: str | None = None, state: str | None = None,
                        kind: str | None = None) -> Page[Operation]:
        """Newest first, at most ``limit`` behind the operation ``marker``; those of deleted instances too.

        A constant number of SQL statements. Raises NotFound for the instance, Invalid for the marker.
        """
        with self.store.read() as connection:
            if instance_id is not None:
                instances.require_known(connection, project, instance_id)
            return operations.page(connection, project, limit, marker, instance_id=instance_id, state=state, kind=kind)

    def page_events(self, project: Project, limit: int = 100, after: int = 0, *, since: float | None = None,
                    instance_id: str | None = None) -> Page[views.Event]:
        """The oldest first, at most ``limit`` behind the id ``after`` and from ``since`` (seconds since 1970) on.

        A constant number of SQL statements. Raises NotFound for the instance.
        """
        with self.store.read() as connection:
            if instance_id is not None:
                instances.require_known(connection, project, instance_id)
            return events.page(connection, project, limit, after, since, instance_id)

    def retry(self, project: Project, operation_id: str, *, request_id: str, once: str | None = None) -> Operation:
        """Has what failed done again, as a new operation. Raises NotFound, or Conflict where there is nothing to do."""
        with self.store.write() as connection:
            if (done := answers.done(connection, once)) is not None:
                return operations.get(connection, done.operation_id)
            again = interventions.retry(connection, project, operation_id, request_id)
            answers.put_down(connection, once, again.instance_id, again.id)
        self.wake(again.instance_id, again.id)
        return again

    def cancel(self, project: Project, operation_id: str, *, by: str, once: str | None = None) -> Operation:
        """Calls off what is under way. ``by``: a user id. Raises NotFound, or Conflict where there is nothing to do."""
        with self.store.write() as connection:
            if (done := answers.done(connection, once)) is not None:
                return operations.get(connection, done.operation_id)
            operation = interventions.cancel(connection, project, operation_id, by)
            answers.put_down(connection, once, operation.instance_id, operation.id)
        self.wake(operation.instance_id, None)
        return operation

    # Catalogue

    def list_datastores(self) -> tuple[Datastore, ...]:
        with self.store.read() as connection:
            return catalog.datastores(connection)

    def get_datastore(self, key: str) -> Datastore:
        """By id or name. Raises NotFound."""
        with self.store.read() as connection:
            return catalog.datastore(connection, key)

    def get_version(self, key: str, datastore: str | None = None) -> Version:
        """By id, or by id or name within a datastore (itself by id or name). Raises NotFound."""
        with self.store.read() as connection:
            return catalog.version(connection, key, datastore)

    def list_flavors(self) -> tuple[Flavor, ...]:
        with self.store.read() as connection:
            return catalog.flavors(connection)

    def get_flavor(self, key: str) -> Flavor:
        """By id. Raises NotFound."""
        with self.store.read() as connection:
            return catalog.flavor(connection, key)

    # Parameters

    def get_catalogue(self, version: Version) -> Catalogue:
        """What may be set in servers of this version. Raises Unsupported where nothing may."""
        with self.store.read() as connection:
            return parameters.catalogue(connection, version)

    def list_rules(self, version: Version) -> tuple[Rule, ...]:
        """What the operator says of parameters, withdrawn ones too, in order of names."""
        with self.store.read() as connection:
            return parameters.stored(connection, version)

    def store_rule(self, version: Version, rule: Rule, *, new: bool) -> Rule:
        """As it is kept. Raises Invalid, Unsupported, NotFound, or Exists for a ``new`` one that there is."""
        with self.store.write() as connection:
            return parameters.store(connection, version, rule, new=new)

    # Versions of datastores

    def list_versions(self) -> tuple[tuple[Version, bool], ...]:
        """With what each datastore's default is."""
        with self.store.read() as connection:
            return versions.every(connection)

    def register_version(self, wanted: versions.NewVersion) -> None:
        """Raises Invalid or Exists."""
        with self.store.write() as connection:
            versions.register(connection, wanted)

    def change_version(self, version_id: str, name: str | None, active: bool | None, *, default: bool) -> None:
        """Raises NotFound or Exists."""
        with self.store.write() as connection:
            versions.change(connection, version_id, name, active, default)

    def remove_version(self, version_id: str) -> None:
        """Raises NotFound or Invalid."""
        with self.store.write() as connection:
            versions.remove(connection, version_id)

    # Quota

    def quotas(self, project: str) -> tuple[Quota, ...]:
        """One a resource: instances, ram (MB), volumes (GB), backups."""
        with self.store.read() as connection:
            return quota.of_project(connection, project, self.rules.limits())

    def set_quotas(self, project: str, limits: Mapping[str, int]) -> None:
        """-1: no limit. Raises NotFound for a resource that there is not, Invalid for a number below -1."""
        with self.store.write() as connection:
            quota.set_limits(connection, project, limits)

    # Root

    def record_root(self, project: Project, instance_id: str, user_id: str) -> None:
        """Somebody opened the superuser to the network, now. Raises NotFound."""
        with self.store.write() as connection:
            instances.locked(connection, project, instance_id)
            root.record(connection, instance_id, user_id, time.time())

    def record_root_closed(self, project: Project, instance_id: str) -> None:
        """Raises NotFound."""
        with self.store.write() as connection:
            instances.locked(connection, project, instance_id)
            root.record_closed(connection, instance_id, time.time())

    def root_history(self, project: Project, instance_id: str) -> RootHistory | None:
        """None when it was never opened. Raises NotFound for the instance."""
        with self.store.read() as connection:
            instances.get(connection, project, instance_id)
            return root.history(connection, instance_id)
