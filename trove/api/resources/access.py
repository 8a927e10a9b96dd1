"""Which databases a user may use."""

import falcon

from .. import bodies, views
from ..schemas import users
from .served import Served


class Granted(Served):
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str, user: str) -> None:
        inside = self.inside(req, instance_id, "access", "instance:extension:user_access:index")
        bodies.write(resp, {"databases": views.access(inside.guest.get_user(user=inside.user(user)))})

    def on_put(self, req: falcon.Request, resp: falcon.Response, instance_id: str, user: str) -> None:
        inside = self.inside(req, instance_id, "access", "instance:extension:user_access:update")
        names = tuple(database.name for database in bodies.read(req, users.GrantAccess).databases)
        for name in names:
            inside.refuse_reserved_database(name)
        inside.guest.grant_access(user=inside.user(user), databases=names)
        resp.status = 202


class Grant(Served):
    def on_delete(self, req: falcon.Request, resp: falcon.Response, instance_id: str, user: str, database: str) -> None:
        inside = self.inside(req, instance_id, "access", "instance:extension:user_access:delete")
        inside.guest.revoke_access(user=inside.user(user), database=database)
        resp.status = 202
