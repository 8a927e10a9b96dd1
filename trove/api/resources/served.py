"""Resources inside an instance, which its database server answers for."""

import re
from dataclasses import dataclass

import falcon

from common import datastores
from common.contract import types as t
from common.datastores.manifest import Manifest
from common.errors import NotReady, Refused
from trove.db import views as rows

from ..context import Caller
from ..errors import NotInDatastore
from ..guests import Guest
from ..services import Resource

REFUSES = (422, 501, 503)
"""Statuses of an instance that does not serve or whose datastore has no such things, of what a datastore cannot do with
them, and of a guest that does not answer."""


_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Inside:
    """An instance, which serves unless that was not asked for, seen by a caller who may."""

    caller: Caller
    row: rows.Instance
    guest: Guest
    manifest: Manifest

    def refuse_reserved_user(self, name: str) -> None:
        if name in self.manifest.reserved_users:
            raise Refused(f"The user name {name} is reserved.", "Choose another one.")

    def refuse_reserved_database(self, name: str) -> None:
        if name in self.manifest.reserved_databases:
            raise Refused(f"The database name {name} is reserved.", "Choose another one.")

    def user(self, text: str) -> t.UserRef:
        """``name`` or ``name@host`` from a path; a name may have an ``@`` itself, and where users have no hosts only
        ``@%`` is none of it. Raises Refused for a reserved one."""
        if not self.manifest.users_have_hosts:
            return self.known(text.removesuffix("@%"), None)
        name, at, host = text.rpartition("@")
        ref = t.UserRef(name=name, host=host) if at and name and host else t.UserRef(name=text)
        return self.known(ref.name, ref.host)

    def known(self, name: str, host: str | None) -> t.UserRef:
        """Raises Refused for a reserved name."""
        self.refuse_reserved_user(name)
        return t.UserRef(name=name, host=(host or "%") if self.manifest.users_have_hosts else "%")


class Served(Resource):
    def inside(self, req: falcon.Request, instance_id: str, capability: str, rule: str, *,
               serving: bool = True, waits: bool = False) -> Inside:
        """``serving``: it must. ``waits``: the request does so between its calls, and none changes anything. Raises
        Forbidden, NotFound, NotInDatastore where the capability is lacking, NotReady and Crowded."""
        caller = self.allowed(req, rule)
        row = self._instance(req, caller, instance_id)
        manifest = datastores.manifest(row.version.manager)
        if capability not in manifest.capabilities:
            raise NotInDatastore(f"{row.version.datastore} does not support this: it has no {capability}.")
        now = self.services.clock()
        if serving and not row.serves(now):
            raise not_ready(row, now)
        calls, whose = self.services.calls, (row.id, caller.project_id)
        guest = calls.to(*whose) if waits else calls.during(req.context.bound, *whose)
        return Inside(caller, row, guest, manifest)

    def _instance(self, req: falcon.Request, caller: Caller, key: str) -> rows.Instance:
        """By id; to be looked at, also by a name that is unique in the project: python-troveclient asks for the second
        page of a list under the name that it was given. What changes something needs the id, which never changes hands.

        Raises NotFound.
        """
        named = None
        if req.method in ("GET", "HEAD") and _ID.fullmatch(key) is None:
            named = self.commands.find_instance(caller.project_id, key)
        return named or self.commands.get_instance(caller.scope, key)


def not_ready(row: rows.Instance, now: float) -> NotReady:
    """What keeps an instance from serving. Nobody is told to wait for what does not come by itself."""
    seen = row.operating_status(now) or "not known"
    remedy = "Wait until it is ACTIVE and HEALTHY."
    if row.status == "SHUTDOWN":
        remedy = "It is being deleted."
    elif row.status == "ERROR":
        remedy = "Its fault says why: show the instance."
    elif seen == "ERROR":
        remedy = "Its agent is silent or cannot tell: look at the agent's log."
    return NotReady(f"Instance {row.id} is not ready: status {row.status}, operating status {seen}.", remedy)
