"""Errors as REST shows them: ``{"<fault>": {"code": <int>, "message": <text>}}``.

Codes follow OpenStack Trove where it gives a right one; ``docs/reference/rest-deviations.md`` lists where not.
"""

import logging
import uuid

import falcon
import msgspec

from common import errors
from trove.db.answers import UnderWay
from trove.domain.parameters import Rejected

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

OTHER_FAULTS = {500: ("serverError",)}
"""The other names of a fault. A ``serverError`` is the database server's or the operating system's, not ours."""

MEANINGS = {
    400: "The request is wrong: its path, a parameter or a member of its body, which the message names.",
    401: "Who asks is not known: `X-Auth-Token` is missing, or the token is not, or no more, of use.",
    403: "The policy does not let the caller do this, or the caller is the account of a database on this machine.",
    404: "What the path names is not there.",
    406: "`Accept` asks for a version of the API that there is not.",
    409: "The operation is in a state in which this cannot be done, or the first request with this `Idempotency-Key` "
         "is still being worked on.",
    413: "A quota is reached, or the body is too large; or a rate limit is reached, or too many requests wait for "
         "agents: then `Retry-After` tells when to come again.",
    415: "The body is not `application/json`.",
    422: "The instance is in a state in which this cannot be done now, the datastore has no such things, no such "
         "parameter or the parameter no such value, or the `Idempotency-Key` is another request's.",
    500: "The database server or the operating system refused (`serverError`), or a defect of ours.",
    501: "This is part of OpenStack Trove, and not supported here or by the datastore.",
    503: "The guest agent of the instance, or the host, does not answer; the request is worth repeating.",
}

EXAMPLES = {
    400: "Validation error: Object missing required field `name` - at `$.instance`",
    401: "The request has no token. Send it in X-Auth-Token.",
    403: "The policy does not allow instance:reset_status here. It wants admin.",
    404: "Instance 8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d could not be found.",
    406: "There is no version 2.0 of this API; 1.0 is the one.",
    409: "The operation has ended: there is nothing to call off.",
    413: "The quota of instances is reached.",
    415: "The body must be JSON: send Content-Type: application/json.",
    422: "The instance is restarting, so it cannot be restarted now.",
    500: "The request failed by a defect of ours.",
    501: "replica_of is not supported here. Leave it out.",
    503: "The agent did not answer in time.",
}


class Forbidden(errors.Refused):
    """The policy does not let this caller do it."""


class Crowded(errors.OverQuota):
    """As many requests as may wait for agents already; this one was not begun, and is worth repeating."""

    retry_after = 2
    """Seconds. What an agent that answers has under way is mostly done by then."""


class NotInDatastore(errors.Unsupported):
    """The instance's datastore has no such things. OpenStack Trove answers as where the instance does not serve."""


STATUS: dict[type[errors.TroveError], int] = {
    Forbidden: 403,
    Crowded: 413,
    NotInDatastore: 422,
    UnderWay: 409,
    Rejected: 422,
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
    if isinstance(error, Crowded):
        resp.set_header("Retry-After", str(error.retry_after))
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
