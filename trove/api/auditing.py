"""Around every handler, within ``middleware.Around``: what changes something is in the audit before it is done.

Looks are not, but for those that were refused. Neither are bodies and what a message says: somebody's password may be
in either.
"""

import ipaddress
import re
import time
from collections.abc import Collection
from typing import Any

import falcon

from common.openstack import log
from trove.db import audit

from . import context

LOG = log.get(__name__)

_LOOKS = ("GET", "HEAD", "OPTIONS")
_REFUSED = (401, 403, 413)
"""Of requests that were not worked on: changes that were have a row anyway."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST = 1000
"""Characters of a path."""


class Audited:
    """``proxies``: addresses of which X-Forwarded-For is believed."""

    def __init__(self, kept: audit.Audit, proxies: Collection[str]) -> None:
        self._audit = kept
        self._proxies = frozenset(_plain(proxy) for proxy in proxies)

    def process_resource(self, req: falcon.Request, _resp: falcon.Response, _resource: object,
                         params: dict[str, str]) -> None:
        """Raises what the store raises: then nothing is done."""
        req.context.named = params.copy()
        if _caller(req) is None or req.method in _LOOKS:
            return
        req.context.audited = self._audit.begin(**self._asked(req))
        req.context.bound.enter_context(audit.of_request(req.context.audited))

    def process_response(self, req: falcon.Request, resp: falcon.Response, _resource: object, _good: bool) -> None:
        row_id: int | None = getattr(req.context, "audited", None)
        try:
            if row_id is not None:
                seconds = round(time.perf_counter() - req.context.began, 4)
                self._audit.end(row_id, resp.status_code, _rules(req), seconds, getattr(req.context, "made", None))
            elif resp.status_code in _REFUSED or (resp.status_code == 404 and self._is_of_others(req)):
                self._audit.refuse(resp.status_code, _rules(req), **self._asked(req))
        except Exception as error:  # noqa: BLE001 (what was asked for is done: the answer stays, the outcome is unknown)
            LOG.error("An outcome could not be written into the audit.", error, row=row_id, status=resp.status_code)

    def _is_of_others(self, req: falcon.Request) -> bool:
        """Whether a look was for what the project neither has nor had. What nobody has costs the same: the time that an
        answer takes tells nothing."""
        caller = _caller(req)
        return caller is not None and isinstance(caller.scope, str) and any(
            _ID.fullmatch(key) is not None and not self._audit.is_of(caller.project_id, part, key)
            for part, key in getattr(req.context, "named", {}).items())

    def _asked(self, req: falcon.Request) -> dict[str, Any]:
        caller = _caller(req)
        named: dict[str, str] = getattr(req.context, "named", {})
        return {"request_id": req.context.request_id,
                "project_id": caller.project_id if caller else _project(req),
                "user_id": caller.user_id if caller else "", "roles": caller.roles if caller else frozenset(),
                "how": caller.how if caller else "", "address": self._address(req), "action": _action(req),
                "path": req.path[:_LONGEST], "instance_id": named.get("instance_id", "")[:36] or None}

    def _address(self, req: falcon.Request) -> str:
        """Of who asks: the last one that no trusted proxy has, and behind one, what that says."""
        address = _plain(str(req.remote_addr))
        hops = [hop.strip() for hop in (req.get_header("X-Forwarded-For") or "").split(",") if hop.strip()]
        while address in self._proxies and hops:
            address = _plain(hops.pop())
        return address[:64]


def _plain(address: str) -> str:
    """Of the ways to write it the one that is usual, and IPv4's where it came by a socket for both; else as it is."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _caller(req: falcon.Request) -> context.Caller | None:
    return getattr(req.context, "caller", None)


def _rules(req: falcon.Request) -> tuple[str, ...]:
    """Of the policy, as far as it was asked."""
    return getattr(req.context, "rules", ())


def _action(req: falcon.Request) -> str:
    return f"{req.method} {req.uri_template or 'nowhere'}"[:255]


def _project(req: falcon.Request) -> str:
    """As the path has it, which nobody vouches for."""
    parts = req.path.split("/")
    return parts[2][:255] if len(parts) > 2 else ""
