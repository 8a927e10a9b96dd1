"""The inner, sealed shape: what a request and a reply really say. Everything that is acted on is in here.

Requests are opened with the key of their direction; a reply and a report share the direction guest → control plane and
are told apart by ``kind``, so that neither can be passed off as the other.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from common.contract import codec
from common.contract.declare import Kind, Method
from common.contract.types import Failure
from common.crypto import Key, Unopened, random_id
from common.openstack import context
from common.openstack.context import RequestContext

_T = TypeVar("_T")

_NULL = Raw(b"null")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """One key a direction; ``epoch`` counts the rotations."""

    to_guest: Key = field(repr=False)
    from_guest: Key = field(repr=False)
    epoch: int = 1


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``timeout`` seconds are left from when it was sent; ``sent_at`` is the sender's clock, seconds since 1970.

    ``version`` is the contract version that the receiver must understand, ``incarnation`` (calls) the life of the agent
    it is meant for, ``operation_id`` (operations) what is asked for again when the same order is repeated.
    """

    kind: Kind
    version: str
    method: str
    arguments: Raw
    context: RequestContext
    message_id: str
    timeout: float
    sent_at: float
    operation_id: str = ""
    incarnation: str = ""


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="reply", tag_field="kind"):
    """Answers the request ``message_id``; ``incarnation`` is the answering agent's. ``value`` holds unless
    ``failure`` is set.
    """

    message_id: str
    incarnation: str
    value: Raw = msgspec.field(default_factory=lambda: _NULL)
    failure: Failure | None = None


def request(method: Method, arguments: Mapping[str, object], version: str, *, timeout: float = 0.0,
            operation_id: str = "", incarnation: str = "") -> Request:
    """A new message on behalf of whoever is asking now. Raises TypeError as ``pack_arguments`` does."""
    return Request(
        kind=method.kind, version=version, method=method.name, message_id=random_id(), timeout=timeout,
        sent_at=time.time(), arguments=pack_arguments(method, arguments), context=context.current(),
        operation_id=operation_id, incarnation=incarnation)


def seal(key: Key, message: Request | Reply) -> str:
    """The message as one line of base64."""
    return key.seal_text(msgspec.json.encode(message))


def unseal(key: Key, sealed: str, kind: type[_T]) -> _T:
    """The Request or Reply that was sealed. Raises Unopened."""
    try:
        return msgspec.json.decode(key.open_text(sealed), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unopened("sealed with this key, but not a message of this kind") from None


def pack_arguments(method: Method, arguments: Mapping[str, object]) -> Raw:
    """Raises TypeError when a name is missing or unknown: that is the caller's mistake, not the network's."""
    if arguments.keys() != method.arguments.keys():
        given, wanted = sorted(arguments), sorted(method.arguments)
        raise TypeError(f"{method.name} takes {wanted}, not {given}")
    return Raw(codec.encode(dict(arguments)))


def unpack_arguments(method: Method, packed: Raw) -> dict[str, Any]:
    """Typed values by name. Raises Invalid with the place of the fault."""
    value = codec.decode(bytes(packed), _arguments_struct(method))
    return {name: getattr(value, name) for name in method.arguments}


def pack_value(value: object) -> Raw:
    return Raw(codec.encode(value))


@cache
def _arguments_struct(method: Method) -> type[Any]:
    fields = list(method.arguments.items())
    return msgspec.defstruct(f"{method.name}_arguments", cast("Any", fields), frozen=True, kw_only=True,
                             forbid_unknown_fields=True)
