"""Around every handler: request id, version asked for, identity, decoded path parts, rate, one log line."""

import contextlib
import re
import time

import falcon

from common.errors import Invalid
from common.openstack import context as requests
from common.openstack import log
from trove.metrics.figures import Figures

from . import context, paths
from .identity import Identity
from .rates import Rates

LOG = log.get(__name__)

_VERSION = re.compile(r"application/vnd\.openstack\.trove[^;,]*(?:;[^,]*?\bversion=\s*\"?([0-9.]+))?")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_REQUEST_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOOKS = ("GET", "HEAD")


class Around:
    def __init__(self, identity: Identity, rates: Rates, figures: Figures) -> None:
        self._identity = identity
        self._rates = rates
        self._figures = figures

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        req.context.began = time.perf_counter()
        req.context.request_id = _given_id(req) or context.new_request_id()
        req.context.bound = contextlib.ExitStack()
        req.context.bound.enter_context(requests.bind(requests.RequestContext(request_id=req.context.request_id)))
        for asked in _VERSION.findall(req.get_header("Accept") or ""):
            if asked not in ("", "1.0"):
                raise falcon.HTTPNotAcceptable(description=f"There is no version {asked} of this API; 1.0 is the one.")

    def process_resource(self, req: falcon.Request, _resp: falcon.Response, _resource: object,
                         params: dict[str, str]) -> None:
        """Handlers get the decoded parts of the path, without the project: that is the caller's."""
        try:
            params.update({name: paths.decode(part) for name, part in params.items()})
        except UnicodeDecodeError:
            raise Invalid("The path is not UTF-8.") from None
        if any("\0" in part for part in params.values()):
            raise Invalid("The path has a NUL character, which no name has.")
        if (project_id := params.pop("project", None)) is None:
            return
        if _PROJECT.fullmatch(project_id) is None:
            raise Invalid("A project's id has up to 255 letters, digits, dots, dashes and underscores.")
        caller = self._identity.identify(req, project_id, req.context.request_id)
        req.context.caller = caller
        req.context.bound.enter_context(requests.bind(caller.for_logs()))
        self._rates.take(project_id, req.method, managing="/mgmt/" in (req.uri_template or ""))

    def process_response(self, req: falcon.Request, resp: falcon.Response, _resource: object, _good: bool) -> None:
        resp.set_header("X-OpenStack-Request-Id", req.context.request_id)
        self._tell(req, resp.status_code, time.perf_counter() - req.context.began)
        req.context.bound.close()

    def _tell(self, req: falcon.Request, status: int, seconds: float) -> None:
        """One line a request. Clients that wait ask again and again: that a look succeeded is for debugging."""
        route = req.uri_template or "none"
        self._figures.request_answered(req.method, route, status, seconds)
        tell = LOG.debug if req.method in _LOOKS and status < 400 else LOG.info
        tell("A request was answered.", method=req.method, route=route, path=req.path, status=status,
             ms=round(1000 * seconds, 1))


def _given_id(req: falcon.Request) -> str | None:
    """The id that the caller's own request has elsewhere, in the one form that oslo.context gives ids."""
    given = req.get_header("X-OpenStack-Request-ID") or ""
    return given if _REQUEST_ID.fullmatch(given) else None
