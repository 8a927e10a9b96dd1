"""Who asked for what is being done, and under which request id. Carries no token and no credential, by construction.

The current context is a ``contextvars`` variable: the REST layer, flows and the agent's dispatcher each ``bind`` it,
and the log format reads it.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from msgspec import Struct


class RequestContext(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Ids in the notation of Keystone and oslo.context; ``request_id`` is ``req-`` and a UUID."""

    request_id: str
    global_request_id: str = ""
    user_id: str = ""
    project_id: str = ""
    roles: tuple[str, ...] = ()
    is_admin: bool = False


NOBODY = RequestContext(request_id="")
"""What holds where nobody asked: periodic work of the services themselves."""

_current: ContextVar[RequestContext] = ContextVar("request_context", default=NOBODY)


def current() -> RequestContext:
    return _current.get()


@contextlib.contextmanager
def bind(context: RequestContext) -> Iterator[RequestContext]:
    """Makes ``context`` the current one inside the ``with`` block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
