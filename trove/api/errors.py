"""Errors as REST shows them: ``{"<fault>": {"code": <int>, "message": <text>}}``.

Codes follow OpenStack Trove where it gives a right one; ``docs/reference/rest-deviations.md`` lists where not.
"""

import logging
import uuid

import falcon
import msgspec

from common import errors

log = logging.getLogger(__name__)

FAULTS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    406: "notAcceptable",
    409: "conflict",
    413: "overLimit",
    415: "badMediaType",
    422: "unprocessableEntity",
    500: "instanceFault",
    501: "notImplemented",
    503: "serviceUnavailable",
}


class Forbidden(errors.Refused):
    """The policy does not let this caller do it."""


STATUS: dict[type[errors.TroveError], int] = {
    Forbidden: 403,
    errors.Invalid: 400,
    errors.Refused: 400,
    errors.Exists: 400,
    errors.NotFound: 404,
    errors.OverQuota: 413,
    errors.Conflict: 422,
    errors.Busy: 422,
    errors.NotReady: 422,
    errors.NoSpace: 422,
    errors.Cancelled: 422,
    errors.Unsupported: 501,
    errors.TooOld: 501,
    errors.Unreachable: 503,
    errors.DeadlinePassed: 503,
    errors.Stale: 503,
    errors.EngineFailed: 500,
    errors.HostFailed: 500,
    errors.Internal: 500,
}

_SERVER_ERRORS = (errors.EngineFailed, errors.HostFailed)


def body(status: int, message: str, fault: str | None = None) -> bytes:
    return msgspec.json.encode({fault or FAULTS.get(status, "instanceFault"): {"code": status, "message": message}})


def on_trove_error(_req: falcon.Request, resp: falcon.Response, error: errors.TroveError, _params: object) -> None:
    if isinstance(error, errors.Internal):
        _internal(resp, error)
        return
    status = STATUS[type(error)]
    resp.status = status
    resp.data = body(status, error.sentence(), "serverError" if isinstance(error, _SERVER_ERRORS) else None)


def on_http_error(_req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: object) -> None:
    resp.status = error.status
    if error.headers:
        resp.set_headers(error.headers)
    resp.data = body(error.status_code, error.description or _SENTENCES.get(error.status_code) or error.title or "")


def on_defect(_req: falcon.Request, resp: falcon.Response, error: Exception, _params: object) -> None:
    _internal(resp, error)


def _internal(resp: falcon.Response, error: Exception) -> None:
    """The caller gets an id, under which the log has the trace, and nothing of the error itself."""
    mark = uuid.uuid4()
    log.error("A request failed by a defect of ours, %s.", mark, exc_info=error)
    resp.status = 500
    resp.data = body(500, f"The request failed by a defect of ours. The server's log says more under {mark}.")


_SENTENCES = {
    404: "There is nothing at this path. Below /v1.0/<project> there are instances, operations, datastores, flavors "
         "and limits.",
    405: "This path does not know this method; the header Allow lists those that it knows.",
}
