"""Instances: create, list, show, rename, delete."""

import logging

import falcon
from msgspec import UNSET

from common.errors import Invalid, TroveError, Unsupported
from trove.db import views as rows
from trove.db.settings import Planned
from trove.domain.creation import NewInstance
from trove.domain.states import HEARTBEAT_EXPIRY

from .. import bodies, paging
from ..context import Caller
from ..description.declared import PAGED, describe
from ..schemas import blocks, instances
from ..services import Resource
from ..views import configurations
from ..views import instances as views
from ..views.blocks import NextLink
from .configurations import DRY_RUN, is_dry

log = logging.getLogger(__name__)

_SILENT = frozenset(("BUILD", "REBOOT", "RESIZE", "PROMOTE", "EJECT", "UPGRADE", "SHUTDOWN"))
"""While an instance has one of these statuses its guest is not asked for disk use."""


class Listing(Resource):
    def page(self, req: falcon.Request, caller: Caller,
             view: views.View[views.V]) -> tuple[tuple[views.V, ...], NextLink]:
        """The views of a page, and the link to the next."""
        limit = paging.limit(req, self.settings.instances_page_size)
        page = self.commands.list_instances(caller.project_id, limit, paging.marker(req))
        base, now = self.base(req), self.services.clock()
        items = tuple(view(row, base, caller, self.settings.region, now) for row in page.items)
        return items, paging.link(req, base, page.next_marker)


class Instances(Listing):
    @describe("List instances", views.InstancePage, query=PAGED)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller = self.allowed(req, "instance:index")
        bodies.write(resp, views.InstancePage(*self.page(req, caller, views.instance)))

    @describe("Create an instance", views.OneInstance, body=instances.CreateInstance, refuses=(404, 422, 501))
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller = self.allowed(req, "instance:create")
        asked = bodies.read(req, instances.CreateInstance).instance
        if asked.databases:
            self.allowed(req, "instance:extension:database:create")
        if asked.users:
            self.allowed(req, "instance:extension:user:create")
        if asked.configuration:
            self.allowed(req, "instance:update")
        created = self.commands.create_instance(caller.project_id, wanted(asked, self.settings.region),
                                                request_id=caller.request_id, once=caller.once)
        row = self.commands.get_instance(caller.project_id, created.instance_id)
        view = views.detail(row, self.base(req), caller, self.settings.region, self.services.clock())
        bodies.write(resp, views.OneInstance(view))


class Details(Listing):
    @describe("List instances in detail", views.InstanceDetailPage, query=PAGED)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller = self.allowed(req, "instance:detail")
        bodies.write(resp, views.InstanceDetailPage(*self.page(req, caller, views.detail)))


class Instance(Resource):
    @describe("Show an instance", views.OneInstance)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        caller = self.allowed(req, "instance:show")
        row = self.commands.get_instance(caller.scope, instance_id)
        now = self.services.clock()
        view = views.detail(row, self.base(req), caller, self.settings.region, now)
        bodies.write(resp, views.OneInstance(self._with_disk_use(view, row, now, caller)))

    @describe("Change an instance", status=202, body=instances.UpdateInstance, refuses=(422, 501), query=DRY_RUN,
              dry=configurations.Plan)
    def on_put(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        caller = self.allowed(req, "instance:update")
        changes = bodies.read(req, instances.UpdateInstance).instance
        if changes.slave_of is not UNSET:
            raise Invalid("Validation error: slave_of is for PATCH.", "Use replica_of.")
        self._change(req, resp, caller, instance_id, changes)

    @describe("Change an instance", status=202, body=instances.UpdateInstance, refuses=(422, 501), query=DRY_RUN,
              dry=configurations.Plan)
    def on_patch(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        caller = self.allowed(req, "instance:edit")
        changes = bodies.read(req, instances.UpdateInstance).instance
        if changes.access is not UNSET:
            raise Invalid("Validation error: PATCH does not change access.", "Use PUT.")
        self._change(req, resp, caller, instance_id, changes)

    @describe("Delete an instance", status=202, refuses=(422,))
    def on_delete(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        caller = self.allowed(req, "instance:delete")
        self.commands.delete_instance(caller.scope, instance_id, request_id=caller.request_id)
        resp.status = 202

    def _change(self, req: falcon.Request, resp: falcon.Response, caller: Caller, instance_id: str,
                changes: instances.Changes) -> None:
        self.commands.get_instance(caller.scope, instance_id)
        check_changes(changes)
        resp.status, dry = 202, is_dry(req)
        if changes.name is not UNSET and not dry:
            self.commands.rename(caller.scope, instance_id, changes.name)
        planned: tuple[Planned, ...] = ()
        if changes.configuration is not UNSET:
            planned = self._configure(caller, instance_id, changes.configuration, dry)
        if dry:
            resp.status = 200
            bodies.write(resp, configurations.plan(planned))

    def _configure(self, caller: Caller, instance_id: str, group: str | None, dry: bool) -> tuple[Planned, ...]:
        settings = self.commands.settings
        if group is None:
            return settings.detach(caller.scope, instance_id, request_id=caller.request_id, dry=dry)
        return settings.attach(caller.scope, instance_id, blocks.last_part(group), request_id=caller.request_id,
                               dry=dry)

    def _with_disk_use(self, view: views.InstanceDetail, row: rows.Instance, now: float,
                       caller: Caller) -> views.InstanceDetail:
        """The view as it is when the guest does not answer in time."""
        heard = row.observed.at
        if row.status in _SILENT or heard is None or now - heard > HEARTBEAT_EXPIRY:
            return view
        try:
            guest = self.services.calls.to(row.id, caller.project_id)
            stats = guest.get_filesystem_stats(deadline=self.settings.disk_use_deadline)
        except TroveError as error:
            log.info("The guest of instance %s did not tell its disk use: %s", row.id, error.sentence())
            return view
        return views.with_disk_use(view, stats)


def wanted(asked: instances.NewInstance, region: str) -> NewInstance:
    """What the store is asked for. Raises Invalid, and Unsupported for what is not there yet."""
    check_options(asked, region)
    if asked.flavorRef is None:
        raise Invalid("The instance needs a flavor.", "Name it in flavorRef.")
    return NewInstance(
        name=asked.name,
        flavor=blocks.last_part(str(asked.flavorRef)),
        volume_gb=None if asked.volume is None else int(asked.volume.size),
        datastore=asked.datastore.type,
        version=asked.datastore.version,
        version_number=asked.datastore.version_number,
        databases=tuple(database.wanted() for database in asked.databases),
        users=tuple(user.wanted() for user in asked.users),
        access={"is_public": False} if asked.access is not None else {},
        configuration=None if not asked.configuration else blocks.last_part(asked.configuration),
    )


def check_options(asked: instances.NewInstance, region: str) -> None:
    """Refuses what would otherwise be ignored in silence. Raises Invalid or Unsupported."""
    if (asked.replica_count or 1) > 1 and asked.replica_of is None:
        raise Invalid("replica_count is for replicas.", "Name their source in replica_of.")
    if asked.region_name not in (None, region):
        raise Invalid(f"There is no region {asked.region_name} here.", f"The only one is {region}.")
    for name, given in (
        ("replica_of", asked.replica_of), ("restorePoint", asked.restorePoint),
        ("nics", asked.nics), ("modules", asked.modules), ("locality", asked.locality),
        ("availability_zone", asked.availability_zone), ("volume.type", asked.volume and asked.volume.type),
    ):
        if given:
            raise Unsupported(f"{name} is not supported here.", "Leave it out.")
    if asked.access is not None:
        check_access(asked.access)


def check_access(access: blocks.Access) -> None:
    """An instance has one private address, which whoever reaches the network reaches. Raises Unsupported."""
    if access.is_public is True:
        raise Unsupported("There is no public network here to make an instance reachable from.",
                          "Leave is_public out or set it to false.")
    if access.allowed_cidrs is not UNSET and set(access.allowed_cidrs) - {"0.0.0.0/0"}:
        raise Unsupported("Addresses cannot be kept away from an instance here.",
                          "Leave allowed_cidrs out, and give users hosts that they may come from.")


def check_changes(changes: instances.Changes) -> None:
    """Raises Invalid for changes that exclude one another, Unsupported for those that are not there yet."""
    detach = changes.replica_of is not UNSET or changes.slave_of is not UNSET
    others = (detach, changes.configuration is not UNSET, changes.datastore_version is not UNSET,
              changes.access is not UNSET)
    if sum(others) > 1:
        raise Invalid("Only one thing besides the name can change at a time.", "Send one request for each.")
    if detach:
        raise Invalid("The instance is not a replica: there is nothing to detach it from.")
    if changes.datastore_version is not UNSET:
        raise Unsupported("Upgrades to another datastore version are not supported here.")
    if changes.access is not UNSET:
        check_access(changes.access)
