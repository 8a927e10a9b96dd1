"""The operator of the control plane's machine: whoever can read a file in the state directory, whatever the strategy.

``trovectl`` asks so on that machine; the first token of a person is made so.
"""

import hmac
from typing import Any

import falcon

from common.secret import Secret

from .. import context

HEADER = "X-Auth-Token"


class Operator:
    """Of every project; ``others`` are known by what else there is."""

    def __init__(self, token: Secret, others: Any) -> None:
        self._token = token.reveal().encode()
        self._others = others

    def identify(self, req: falcon.Request, project_id: str, request_id: str) -> context.Caller:
        if not self._is_it(req.get_header(HEADER)):
            caller: context.Caller = self._others.identify(req, project_id, request_id)
            return caller
        return context.Caller(project_id, "operator", frozenset({"admin"}), is_admin=True, confined=False,
                              request_id=request_id, how="operator")

    def _is_it(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode(), self._token)
