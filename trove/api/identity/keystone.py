"""OpenStack's identity service vouches for who asks, by keystonemiddleware.

It reads the options of the group ``keystone_authtoken``, as with every OpenStack service. It is asked from within, and
not put around the application: what it refuses is answered, counted and audited as everything else is.
"""

from collections.abc import Collection, Iterable
from typing import Any

import falcon
from keystonemiddleware import auth_token
from oslo_config import cfg

from .. import context, errors, paths

_VOUCHED = "204 No Content"
_REFUSED = "401 Unauthorized"


class FromKeystone:
    """``admin_roles``: who has one of them in a project is an administrator there."""

    def __init__(self, conf: cfg.ConfigOpts, admin_roles: Collection[str]) -> None:
        self._keystone: paths.Wsgi = auth_token.AuthProtocol(  # type: ignore[no-untyped-call]
            _known, {"oslo_config_config": conf})
        self._admin_roles = frozenset(role.lower() for role in admin_roles)

    def identify(self, req: falcon.Request, project_id: str, request_id: str) -> context.Caller:
        """Raises falcon.HTTPServiceUnavailable too, when Keystone does not answer."""
        self._ask(req)
        if req.get_header("X-Project-Id") != project_id:
            raise errors.Forbidden("The token is for another project than the path.", "Ask for the token's own.")
        roles = frozenset(filter(None, (req.get_header("X-Roles") or "").split(",")))
        is_admin = not self._admin_roles.isdisjoint(role.lower() for role in roles)
        return context.Caller(project_id, req.get_header("X-User-Id") or "", roles, is_admin=is_admin, confined=False,
                              request_id=request_id, how="keystone")

    def _ask(self, req: falcon.Request) -> None:
        """Puts what Keystone says of the token in place of the headers that the client sent."""
        answered: dict[str, Any] = {}

        def answer(status: str, headers: list[tuple[str, str]], _trouble: object = None) -> None:
            answered.update(status=status, challenges=[text for name, text in headers if name == "WWW-Authenticate"])

        b"".join(self._keystone(req.env, answer))
        if answered["status"] not in (_VOUCHED, _REFUSED):
            raise falcon.HTTPServiceUnavailable(description="Keystone does not answer, or does not know this service. "
                                                            "Try again; the log says more.")
        if answered["status"] == _REFUSED or req.get_header("X-Identity-Status") != "Confirmed":
            raise falcon.HTTPUnauthorized(description="The request has no token that Keystone knows. Send one in "
                                                      "X-Auth-Token.", challenges=answered["challenges"])


def _known(_environ: paths.Environ, start_response: Any) -> Iterable[bytes]:
    """Reached with a token that Keystone vouches for; with ``delay_auth_decision`` with any, and X-Identity-Status."""
    start_response(_VOUCHED, [])
    return ()
