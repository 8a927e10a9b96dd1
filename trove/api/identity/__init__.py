"""Who asks. ``auth_strategy`` chooses one of the ways to find out; the operator of the machine is known in each."""

from typing import Protocol

import falcon
from oslo_config import cfg

from common.errors import Invalid
from trove.db.tokens import Tokens

from .. import context
from ..settings import Settings
from .noauth import NoAuth
from .operator import Operator
from .tokens import OwnTokens

STRATEGIES = ("noauth", "token", "keystone")


class Identity(Protocol):
    def identify(self, req: falcon.Request, project_id: str, request_id: str) -> context.Caller:
        """Who asks for this project. Raises falcon.HTTPUnauthorized, or Forbidden when it is not the caller's."""


def chosen(settings: Settings, tokens: Tokens, conf: cfg.ConfigOpts | None) -> Identity:
    """``conf`` has what Keystone's own library reads. Raises Invalid for a strategy that there is not."""
    made: Identity
    if settings.auth_strategy == "noauth":
        made = NoAuth()
    elif settings.auth_strategy == "token":
        made = OwnTokens(tokens, settings.admin_roles)
    elif settings.auth_strategy == "keystone":
        from .keystone import FromKeystone  # 21 MB that only who has a Keystone pays for
        made = FromKeystone(conf or cfg.ConfigOpts(), settings.admin_roles)
    else:
        raise Invalid(f"There is no auth_strategy {settings.auth_strategy!r}.",
                      f"Set it to one of: {', '.join(STRATEGIES)}.")
    return Operator(settings.operator, made) if settings.operator else made
