"""Users of an instance and their attributes."""

import contextlib

import falcon

from common.contract import types as t
from common.errors import Exists, Invalid, NotFound
from trove.domain import creation

from .. import bodies, paging
from ..description.declared import PAGED, describe
from ..schemas import users
from ..views import users as views
from . import databases
from .served import REFUSES, Inside, Served


class Users(Served):
    @describe("List the users of an instance", views.UserPage, query=PAGED, refuses=REFUSES)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        inside = self.inside(req, instance_id, "users", "instance:extension:user:index")
        limit = paging.limit(req, self.settings.users_page_size)
        page = inside.guest.list_users(page=t.PageRequest(limit=limit, marker=paging.name_marker(req)))
        items = tuple(views.user(row) for row in page.items)
        bodies.write(resp, views.UserPage(items, paging.name_link(req, self.base(req), page.next_marker)))

    @describe("Create users", status=202, body=users.CreateUsers, refuses=REFUSES)
    def on_post(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        inside = self.inside(req, instance_id, "users", "instance:extension:user:create")
        wanted = tuple(each.wanted() for each in bodies.read(req, users.CreateUsers).users)
        _check_new(inside, wanted)
        inside.guest.ensure_users(users=wanted)
        resp.status = 202

    @describe("Change passwords", status=202, body=users.ChangePasswords, refuses=REFUSES)
    def on_put(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        """New passwords. Nothing is changed when one of the users is not there."""
        inside = self.inside(req, instance_id, "users", "instance:extension:user:update_all")
        asked = bodies.read(req, users.ChangePasswords).users
        refs = [inside.known(each.name, each.host) for each in asked]
        for each, ref in zip(asked, refs, strict=True):
            inside.manifest.check_password(each.password.reveal())
            inside.guest.get_user(user=ref)
        for each, ref in zip(asked, refs, strict=True):
            inside.guest.update_attributes(user=ref, changes=t.UserChanges(password=each.password))
        resp.status = 202


class User(Served):
    @describe("Show a user", views.OneUser, refuses=REFUSES)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str, user: str) -> None:
        inside = self.inside(req, instance_id, "users", "instance:extension:user:show")
        bodies.write(resp, views.OneUser(views.user(inside.guest.get_user(user=inside.user(user)))))

    @describe("Change a user", status=202, body=users.UpdateUser, refuses=REFUSES)
    def on_put(self, req: falcon.Request, resp: falcon.Response, instance_id: str, user: str) -> None:
        inside = self.inside(req, instance_id, "users", "instance:extension:user:update")
        asked = bodies.read(req, users.UpdateUser).user
        ref = inside.user(user)
        changes = t.UserChanges(name=asked.name, host=asked.host, password=asked.password)
        _check_changes(inside, ref, changes)
        inside.guest.update_attributes(user=ref, changes=changes)
        resp.status = 202

    @describe("Delete a user", status=202, refuses=REFUSES)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, instance_id: str, user: str) -> None:
        inside = self.inside(req, instance_id, "users", "instance:extension:user:delete")
        inside.guest.delete_user(user=inside.user(user))
        resp.status = 202


def _check_new(inside: Inside, wanted: tuple[t.NewUser, ...]) -> None:
    """Raises Invalid, Refused, Unsupported, or Exists for an account that is there."""
    creation.refuse_databases_of_users(wanted, inside.manifest)
    named = {name for user in wanted for name in user.databases}
    known = databases.names(inside.guest) if named else frozenset()
    if missing := sorted(named - known):
        raise Invalid(f"There is no database {missing[0]} to give access to.", "Create it first.")
    creation.check_users(wanted, tuple(t.Database(name=name) for name in known), inside.manifest)
    for user in wanted:
        _refuse_taken(inside, inside.known(user.name, user.host))


def _check_changes(inside: Inside, ref: t.UserRef, changes: t.UserChanges) -> None:
    """Raises Invalid, Refused, NotFound, or Exists when the new name is taken."""
    if changes == t.UserChanges():
        raise Invalid("Nothing is to change.", "Give at least one of name, password and host.")
    if changes.password is not None:
        inside.manifest.check_password(changes.password.reveal())
    target = inside.known(changes.name or ref.name, changes.host or ref.host)
    inside.guest.get_user(user=ref)
    if target != ref:
        inside.manifest.check_user(target.name, target.host)
        _refuse_taken(inside, target)


def _refuse_taken(inside: Inside, ref: t.UserRef) -> None:
    with contextlib.suppress(NotFound):  # what is asked is whether it is there
        inside.guest.get_user(user=ref)
        shown = f"{ref.name}@{ref.host}" if inside.manifest.users_have_hosts else ref.name
        raise Exists(f"There is a user {shown} already.", "Choose another name.")
