"""Instances of all projects, for administrators: also those that are deleted, and what else may be done to them."""

import re
from typing import Annotated, Any, Literal, get_args

import falcon
from msgspec import Meta

from common.errors import Invalid, Unsupported
from trove.db.views import Scope

from .. import bodies, paging
from ..description.declared import PAGED, Query, describe
from ..services import Resource
from ..views import management as views

_OFFSET = re.compile("[0-9]{1,9}")
_WORDS = {"true": True, "1": True, "false": False, "0": False}
DEADLINE = 10.0
"""Seconds for a guest's answer that somebody waits for."""

_DELETED = Query("deleted", Annotated[Literal["true", "false"], Meta(examples=["false"])],
                 "Only those that are deleted, or only those that are not; both where it is left out.")
QUERY = (
    PAGED[0],
    Query("marker", Annotated[int, Meta(ge=0, le=10**9 - 1, examples=[20])], "How many come before this page."),
    _DELETED,
    Query("project_id", Annotated[str, Meta(examples=["shop"])], "Only those of this project."),
)
Act = Annotated[dict[Literal["stop", "reboot", "migrate", "rebuild", "reset-task-status"], dict[str, Any]],
                Meta(min_length=1, max_length=1, examples=[{"stop": {}}])]
"""One key, which names the action, and an object behind it."""
ACTIONS = get_args(get_args(get_args(Act)[0])[0])


class Instances(Resource):
    @describe("List the instances of all projects", views.ManagedInstances, query=QUERY)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The last changed first. The marker is a number of rows: what changes between two pages moves them."""
        caller = self.allowed(req, "management:instance:index")
        limit = paging.limit(req, self.settings.instances_page_size)
        page = self.commands.manage(limit, _offset(req), deleted=_deleted(req), project=req.get_param("project_id"))
        base, now = self.base(req), self.services.clock()
        rows = tuple(views.instance(row, base, caller, self.settings.region, now) for row in page.items)
        bodies.write(resp, views.ManagedInstances(
            rows, paging.link(req, base, page.next_marker, "deleted", "project_id")))


class Instance(Resource):
    @describe("Show an instance of any project", views.OneManagedInstance, query=(_DELETED,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        """Also one that is deleted."""
        caller, wanted = self.allowed(req, "management:instance:show"), _deleted(req)
        row = self.commands.look_at(instance_id)
        if wanted is not None and wanted is not (row.deleted_at is not None):
            raise Invalid(f"Instance {row.id} is {'not ' if wanted else ''}deleted.", "Leave deleted out.")
        history = self.commands.root_history(Scope.EVERY_PROJECT, row.id) if row.deleted_at is None else None
        bodies.write(resp, views.OneManagedInstance(views.instance(
            row, self.base(req), caller, self.settings.region, self.services.clock(), history)))


class Action(Resource):
    @describe("Stop or reboot an instance, or reset its status", status=202, body=Act, refuses=(422, 501))
    def on_post(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        """`stop` takes the database server down until somebody restarts it. `reboot` puts right what an instance has of
        its machine (users, limits, volume, services) and restarts the server. No instance moves to another machine or
        image."""
        body = bodies.read(req, dict[str, Any])
        if len(body) != 1 or next(iter(body)) not in ACTIONS:
            raise Invalid("An action is one key that names it.", f"Choose one of: {', '.join(ACTIONS)}.")
        name = next(iter(body))
        caller = self.allowed(req, f"management:instance:{name.replace('-', '_')}")
        if not isinstance(body[name], dict):
            raise Invalid(f"Validation error: expected an object behind {name}.", f'Send {{"{name}": {{}}}}.')
        if name in ("migrate", "rebuild"):
            raise Unsupported(f"The action {name} is not supported here: an instance stays on its machine, and has no "
                              "image.", "Create another one, and bring its data there.")
        if name == "reset-task-status":
            self.commands.reset_status(Scope.EVERY_PROJECT, instance_id, once=caller.once)
        else:
            act = self.commands.stop if name == "stop" else self.commands.reboot
            act(Scope.EVERY_PROJECT, instance_id, request_id=caller.request_id, once=caller.once)
        resp.status = 202


class Root(Resource):
    @describe("Show who opened the superuser of an instance to the network", views.OneRootHistory)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        self.allowed(req, "management:instance:root_history")
        row = self.commands.look_at(instance_id)
        bodies.write(resp, views.root_history(row.id, self.commands.root_history(Scope.EVERY_PROJECT, row.id)))


class Ping(Resource):
    @describe("Ask the agent of an instance whether it is there", status=204, refuses=(503,))
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        """503 when it does not answer, which says nothing of the database server."""
        caller = self.allowed(req, "management:instance:rpc_ping")
        row = self.commands.get_instance(Scope.EVERY_PROJECT, instance_id)
        self.services.calls.to(row.id, caller.project_id).rpc_ping(deadline=DEADLINE)
        resp.status = 204


def _offset(req: falcon.Request) -> int:
    """Raises Invalid."""
    text: str = req.get_param("marker", default="0")
    if _OFFSET.fullmatch(text) is None:
        raise Invalid(f"The marker {text[:40]!r} is no number of rows.", "Take it from the link to the next page.")
    return int(text)


def _deleted(req: falcon.Request) -> bool | None:
    """Raises Invalid."""
    text: str | None = req.get_param("deleted")
    if text is None:
        return None
    if text.lower() not in _WORDS:
        raise Invalid(f"deleted is {text[:40]!r}.", "Give true or false.")
    return _WORDS[text.lower()]
