"""Who asks, for which project, under which request id."""

import uuid
from dataclasses import dataclass

import falcon

from common.openstack import context
from trove.db.views import Project, Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """``project_id`` is the path's. ``confined``: even an administrator sees this project alone. ``how`` it is known
    who asks: noauth, token, keystone or operator. ``once``: what the request does is done once, under this claim
    (``trove.db.answers``)."""

    project_id: str
    user_id: str
    roles: frozenset[str]
    is_admin: bool
    confined: bool
    request_id: str
    how: str = "noauth"
    once: str | None = None

    @property
    def scope(self) -> Project:
        """The project, or all of them for an administrator whom somebody vouches for."""
        return Scope.EVERY_PROJECT if self.is_admin and not self.confined else self.project_id

    def for_logs(self) -> context.RequestContext:
        return context.RequestContext(request_id=self.request_id, user_id=self.user_id, project_id=self.project_id,
                                      roles=tuple(sorted(self.roles)), is_admin=self.is_admin)


def new_request_id() -> str:
    """``req-`` and a random UUID, as oslo.context makes them."""
    return f"req-{uuid.uuid4()}"


def of(req: falcon.Request) -> Caller:
    """The caller of a request below ``/v1.0/{project}``."""
    caller: Caller = req.context.caller
    return caller
