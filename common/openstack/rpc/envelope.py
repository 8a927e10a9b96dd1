"""The clear, outer shape of every message: oslo.messaging 2.0, whose single argument is ``sealed``.

::

    {"oslo.version": "2.0", "oslo.message": "<JSON text of Request or Reply>"}

Nothing in it is believed: method and ids are there so that the bus looks as the ecosystem expects, and so that a reply
finds its caller. Keys of a peer that we do not know (``_context_…``) are passed over.
"""

import enum
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from common.crypto import random_id
from common.errors import Invalid

VERSION = "2.0"

_T = TypeVar("_T")


class Refusal(enum.Enum):
    """All that is ever said in clear about a message that was not acted on."""

    MALFORMED = "The message has no sealed argument."
    UNOPENED = "The sealed argument cannot be opened with this receiver's key."
    MISMATCHED = "The clear method is not the sealed one."
    REPLAYED = "The message was received before."
    OUTDATED = "The sender's clock is behind that of another sender by more than ten minutes."


class Sealed(Struct, frozen=True, forbid_unknown_fields=True):
    sealed: str


class Request(Struct, frozen=True, kw_only=True):
    """A request's clear part. ``message_id`` and ``reply_queue`` are None for what is not answered."""

    method: str
    args: Sealed
    version: str = "1.0"
    unique_id: str = field(name="_unique_id", default="")
    message_id: str | None = field(name="_msg_id", default=None)
    reply_queue: str | None = field(name="_reply_q", default=None)
    timeout: float | None = field(name="_timeout", default=None)


class Reply(Struct, frozen=True, kw_only=True):
    """A reply's clear part: ``result`` is the sealed reply, or ``failure`` the JSON text of a transport refusal."""

    message_id: str = field(name="_msg_id")
    unique_id: str = field(name="_unique_id", default="")
    result: str | None = None
    failure: str | None = None
    ending: bool = True


class _Outer(Struct, frozen=True):
    version: str = field(name="oslo.version")
    message: str = field(name="oslo.message")


_encoder = msgspec.json.Encoder()
_outer = msgspec.json.Decoder(_Outer)


def request(method: str, sealed: str, version: str, *, message_id: str | None = None,
            reply_queue: str | None = None) -> bytes:
    """The body of a request; with ``message_id`` and ``reply_queue`` when an answer is wanted."""
    return _wrap(Request(method=method, args=Sealed(sealed), version=version, unique_id=random_id(),
                         message_id=message_id, reply_queue=reply_queue))


def reply(message_id: str, sealed: str) -> bytes:
    return _wrap(Reply(message_id=message_id, unique_id=random_id(), result=sealed))


def refusal(message_id: str, reason: Refusal) -> bytes:
    """The body of a reply that oslo.messaging raises as a RemoteError with the refusal's sentence."""
    failure: dict[str, object] = {
        "class": "TransportRefusal", "module": __name__, "message": reason.value, "tb": [], "args": [], "kwargs": {},
    }
    text = _encoder.encode(failure).decode()
    return _wrap(Reply(message_id=message_id, unique_id=random_id(), failure=text))


def read(body: bytes, kind: type[_T]) -> _T:
    """The Request or Reply that a body is. Raises Invalid."""
    try:
        outer = _outer.decode(body)
        if outer.version.partition(".")[0] != "2":
            raise Invalid(f"The envelope has version {outer.version[:20]}, not {VERSION}.")
        return msgspec.json.decode(outer.message, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid("The message is not an oslo.messaging 2.0 envelope with a sealed argument.") from None


def _wrap(inner: Request | Reply) -> bytes:
    return _encoder.encode(_Outer(VERSION, _encoder.encode(inner).decode()))
