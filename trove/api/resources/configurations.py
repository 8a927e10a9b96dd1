"""Groups of settings: create, list, show, change, delete; what they are to do, and what an instance has without one."""

from typing import Annotated

import falcon
from msgspec import UNSET, Meta

from common.errors import Invalid

from .. import bodies, paging
from ..description.declared import PAGED, Query, describe
from ..schemas import configurations as schemas
from ..services import Resource
from ..views import configurations as views

DRY_RUN = (Query("dry_run", Annotated[bool, Meta(examples=[True])],
                 "Do nothing, and answer 200 with what would be done to each instance. An addition of ours."),)
_TRUE, _FALSE = frozenset(("true", "1", "yes", "on", "")), frozenset(("false", "0", "no", "off"))


def is_dry(req: falcon.Request) -> bool:
    """Raises Invalid for what is neither yes nor no."""
    given = req.get_param("dry_run")
    if given is None or given.lower() in _FALSE:
        return False
    if given.lower() in _TRUE:
        return True
    raise Invalid(f"dry_run is {given[:40]!r}.", "Give true or false.")


class Configurations(Resource):
    @describe("List configuration groups", views.ConfigurationPage, query=PAGED)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller = self.allowed(req, "configuration:index")
        limit = paging.limit(req, self.settings.configurations_page_size)
        page = self.commands.settings.page(caller.project_id, limit, paging.marker(req))
        further = paging.link(req, self.base(req), page.next_marker)
        bodies.write(resp, views.ConfigurationPage(tuple(map(views.configuration, page.items)), further))

    @describe("Create a configuration group", views.OneConfiguration, body=schemas.CreateConfiguration,
              query=DRY_RUN, refuses=(404, 422, 501), dry=views.Plan)
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Values are checked against the parameters of the datastore version. A dry run makes no group, and answers
        with an empty plan."""
        caller = self.allowed(req, "configuration:create")
        asked = bodies.read(req, schemas.CreateConfiguration).configuration
        made = self.commands.settings.create(
            caller.project_id, asked.name, asked.description, asked.values,
            datastore=asked.datastore.type or self.commands.rules.default_datastore, version=asked.datastore.version,
            number=asked.datastore.version_number, repair=asked.repair, dry=is_dry(req), once=caller.once)
        if made is None:
            bodies.write(resp, views.plan(()))
        else:
            req.context.made = made.id
            bodies.write(resp, views.OneConfiguration(views.detail(made, self.commands.get_catalogue(made.version))))


class Configuration(Resource):
    @describe("Show a configuration group", views.OneConfiguration)
    def on_get(self, req: falcon.Request, resp: falcon.Response, configuration: str) -> None:
        caller = self.allowed(req, "configuration:show")
        row = self.commands.settings.get(caller.scope, configuration)
        bodies.write(resp, views.OneConfiguration(views.detail(row, self.commands.get_catalogue(row.version))))

    @describe("Change values of a configuration group", body=schemas.ChangeConfiguration, query=DRY_RUN,
              refuses=(422,))
    def on_patch(self, req: falcon.Request, resp: falcon.Response, configuration: str) -> None:
        """Each instance that has the group gets an operation of its own; one that is being changed gets it afterwards,
        one that was not created when that has succeeded. ``description`` null takes it away."""
        self._change(req, resp, configuration, "configuration:edit", merge=True)

    @describe("Replace the values of a configuration group", status=202, body=schemas.ChangeConfiguration,
              query=DRY_RUN, refuses=(422,), dry=views.Plan)
    def on_put(self, req: falcon.Request, resp: falcon.Response, configuration: str) -> None:
        """What is not in the body any more goes back to what an instance has without it."""
        self._change(req, resp, configuration, "configuration:update", merge=False)
        resp.status = resp.status if is_dry(req) else 202

    @describe("Delete a configuration group", status=202)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, configuration: str) -> None:
        """One that an instance has is not deleted."""
        caller = self.allowed(req, "configuration:delete")
        self.commands.settings.delete(caller.scope, configuration)
        resp.status = 202

    def _change(self, req: falcon.Request, resp: falcon.Response, configuration: str, rule: str, *,
                merge: bool) -> None:
        caller = self.allowed(req, rule)
        asked = bodies.read(req, schemas.ChangeConfiguration).configuration
        dry = is_dry(req)
        planned = self.commands.settings.change(
            caller.scope, configuration, asked.values, merge=merge, request_id=caller.request_id, told=_told(asked),
            repair=None if asked.repair is UNSET else asked.repair, dry=dry)
        if dry:
            bodies.write(resp, views.plan(planned))


class Instances(Resource):
    @describe("List the instances that have a configuration group", views.InstancesOfConfiguration, query=PAGED)
    def on_get(self, req: falcon.Request, resp: falcon.Response, configuration: str) -> None:
        caller = self.allowed(req, "configuration:instances")
        limit = paging.limit(req, self.settings.configurations_page_size)
        page = self.commands.settings.instances(caller.scope, configuration, limit, paging.marker(req))
        further = paging.link(req, self.base(req), page.next_marker)
        items = tuple(views.Holder(each.id, each.name, each.standing) for each in page.items)
        bodies.write(resp, views.InstancesOfConfiguration(items, further))


class OfInstance(Resource):
    @describe("Show what an instance has without a configuration group", views.DefaultsOfInstance, refuses=(501,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        caller = self.allowed(req, "instance:configuration")
        row = self.commands.get_instance(caller.scope, instance_id)
        values = self.commands.settings.defaults(caller.scope, instance_id)
        typed = views.typed(values, self.commands.get_catalogue(row.version))
        bodies.write(resp, views.DefaultsOfInstance(views.Defaults(typed)))


def _told(asked: schemas.ConfigurationChanges) -> dict[str, str | None]:
    """The name and description that are in the body."""
    given = {"name": asked.name, "description": asked.description}
    return {key: value for key, value in given.items() if value is not UNSET}
