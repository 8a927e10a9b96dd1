"""Tokens of our own, for installations without Keystone: each is for one project."""

from collections.abc import Collection

import falcon

from trove.db.tokens import Token, Tokens

from .. import context, errors
from .operator import HEADER

CHALLENGE = 'Token realm="trove"'


class OwnTokens:
    """``admin_roles``: who has one of them is an administrator."""

    def __init__(self, tokens: Tokens, admin_roles: Collection[str]) -> None:
        self._tokens = tokens
        self._admin_roles = frozenset(role.lower() for role in admin_roles)

    def identify(self, req: falcon.Request, project_id: str, request_id: str) -> context.Caller:
        token = self._token(req.get_header(HEADER))
        if token.project_id != project_id:
            raise errors.Forbidden("The token is for another project than the path.", "Ask for the token's own.")
        is_admin = not self._admin_roles.isdisjoint(role.lower() for role in token.roles)
        return context.Caller(project_id, f"token:{token.name}", token.roles, is_admin=is_admin, confined=False,
                              request_id=request_id, how="token")

    def _token(self, given: str | None) -> Token:
        if not given:
            raise falcon.HTTPUnauthorized(description=f"The request has no token. Send it in {HEADER}.",
                                          challenges=[CHALLENGE])
        token = self._tokens.find(given)
        if token is None:  # which of these it is, is nobody's business who has no token
            raise falcon.HTTPUnauthorized(description="The token is unknown, has expired or was revoked. Ask an "
                                                      "administrator for another one.", challenges=[CHALLENGE])
        return token
