"""The superuser of an instance, opened to the network or not."""

import falcon

from common.contract import types as t
from common.errors import DeadlinePassed, NotFound, Stale, Unreachable
from common.secret import Secret

from .. import bodies
from ..description.declared import describe
from ..schemas import root
from ..views import users as views
from .served import REFUSES, Inside, Served


class Root(Served):
    @describe("Whether the superuser is open", views.RootEnabled)
    def on_get(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        """From the history: opened and not closed since."""
        caller = self.allowed(req, "instance:extension:root:index")
        history = self.commands.root_history(caller.scope, instance_id)
        bodies.write(resp, views.RootEnabled(history is not None and history.disabled_at is None))

    @describe("Open the superuser", views.OneCredential, body=root.EnableRoot, body_optional=True, refuses=REFUSES)
    def on_post(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        inside = self.inside(req, instance_id, "root", "instance:extension:root:create")
        asked = bodies.read_optional(req, root.EnableRoot) or root.EnableRoot()
        if asked.password is not None:
            inside.manifest.check_password(asked.password.reveal())
        credential = self._enable(inside, asked.password)
        bodies.write(resp, views.OneCredential(views.Credential(credential.name, credential.password.reveal())))

    @describe("Close the superuser", status=204, refuses=REFUSES)
    def on_delete(self, req: falcon.Request, resp: falcon.Response, instance_id: str) -> None:
        inside = self.inside(req, instance_id, "root", "instance:extension:root:delete")
        if self.commands.root_history(inside.caller.scope, instance_id) is None:
            raise NotFound(f"The superuser of instance {instance_id} was never enabled.")
        inside.guest.disable_root()
        self.commands.record_root_closed(inside.caller.scope, instance_id)
        resp.status = 204

    def _enable(self, inside: Inside, password: Secret | None) -> t.RootCredential:
        """Puts it on record, also when nobody can tell whether it happened."""
        try:
            credential = inside.guest.enable_root(password=password)
        except (Unreachable, DeadlinePassed, Stale):
            self.commands.record_root(inside.caller.scope, inside.row.id, inside.caller.user_id)
            raise
        self.commands.record_root(inside.caller.scope, inside.row.id, inside.caller.user_id)
        return credential
