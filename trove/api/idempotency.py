"""``Idempotency-Key`` on POST: a request that is repeated under its key is done once, and answered alike.

A key belongs to a project and a day. Only success is kept: what was refused changed nothing, and the same key may ask
again when the cause is gone. Without the header nothing of this happens.
"""

import dataclasses

import falcon
import msgspec

from common.errors import Invalid
from common.secret import Secret
from trove.db.answers import Answer, Answers, name

from . import bodies, context
from .schemas import blocks

HEADER = "Idempotency-Key"


class Once:
    """Around the handlers, within ``middleware.Around``: the caller is known, and errors are answers by then."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def process_resource(self, req: falcon.Request, resp: falcon.Response, _resource: object,
                         _params: dict[str, str]) -> None:
        """Raises Invalid for a malformed key, Conflict for one of another request, UnderWay."""
        key: str | None = req.get_header(HEADER)
        caller: context.Caller | None = getattr(req.context, "caller", None)
        if key is None or caller is None or req.method != "POST":
            return
        once = name(caller.project_id, _checked(key))
        answer = self._answers.claim(once, _request(req, caller))
        if answer is None:
            req.context.caller = dataclasses.replace(caller, once=once)
            return
        resp.status = answer.status
        resp.data = answer.body.reveal().encode()
        resp.complete = True

    def process_response(self, req: falcon.Request, resp: falcon.Response, _resource: object, _good: bool) -> None:
        once = getattr(getattr(req.context, "caller", None), "once", None)
        if once is None:
            return
        if resp.status_code < 300:
            self._answers.keep(once, Answer(resp.status_code, Secret((resp.data or b"").decode())))
        else:
            self._answers.release(once)


def _checked(key: str) -> str:
    try:
        return msgspec.convert(key, blocks.IdempotencyKey)
    except msgspec.ValidationError:
        raise Invalid(f"The {HEADER} has 1 to 255 characters of ASCII, without blanks and control characters.",
                      "A UUID does.") from None


def _request(req: falcon.Request, caller: context.Caller) -> bytes:
    """What makes it this request and no other: who asks for what, with which body."""
    asked = (caller.user_id, req.method, req.path, req.query_string)
    return msgspec.json.encode(asked) + bodies.raw(req)
