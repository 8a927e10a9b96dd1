"""Which databases a user may use."""

import falcon

from .. import bodies
from ..description.declared import describe
from ..schemas import users
from ..views import users as views
from .served import REFUSES, Served


class Granted(Served):
    @describe("Which databases a user may use", views.Granted, refuses=REFUSES)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str, user: str) -> None:
        inside = self.inside(req, instance_id, "access", "instance:extension:user_access:index")
        bodies.write(resp, views.Granted(views.access(inside.guest.get_user(user=inside.user(user)))))

    @describe("Grant access to databases", status=202, body=users.GrantAccess, refuses=REFUSES)
    def on_put(self, req: falcon.Request, resp: falcon.Response, instance_id: str, user: str) -> None:
        inside = self.inside(req, instance_id, "access", "instance:extension:user_access:update")
        names = tuple(database.name for database in bodies.read(req, users.GrantAccess).databases)
        for name in names:
            inside.refuse_reserved_database(name)
        inside.guest.grant_access(user=inside.user(user), databases=names)
        resp.status = 202


class Grant(Served):
    @describe("Revoke access to a database", status=202, refuses=REFUSES)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, instance_id: str, user: str, database: str) -> None:
        inside = self.inside(req, instance_id, "access", "instance:extension:user_access:delete")
        inside.guest.revoke_access(user=inside.user(user), database=database)
        resp.status = 202
