"""What guests answer, read: the clear part, which is not believed, and what was sealed."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from common.contract import codec
from common.contract.declare import Method
from common.contract.types import Failure, PageRequest, Ticket
from common.crypto import Key, Unopened
from common.errors import EngineFailed, Invalid, TroveError, from_code
from common.openstack.rpc import envelope, sealing
from trove.domain.words import plain

LONGEST = 2000
"""Characters of a sentence; what a server printed may be in it."""

REMEDY = "Look at the agent's log; somebody else may have its keys."

_CODE = 64


def read(body: bytes) -> envelope.Reply:
    """Raises Invalid."""
    return envelope.read(body, envelope.Reply)


def open_with(keys: Iterable[Key], sealed: str) -> sealing.Reply:
    """With the first of the keys that opens it: while a guest's are changed there are two. Raises Unopened."""
    for key in keys:
        try:
            return sealing.unseal(key, sealed, sealing.Reply)
        except Unopened:
            continue
    raise Unopened("not sealed with any of the guest's keys")


def value(method: Method, arguments: Mapping[str, object], reply: sealing.Reply) -> Any:
    """The result in its type. Raises EngineFailed for what is no answer to these arguments."""
    try:
        found = codec.decode(bytes(reply.value), cast("type[Any]", method.result))
    except Invalid as error:
        raise EngineFailed(f"The guest agent's answer to {method.name} is of another shape.", REMEDY) from error
    page = arguments.get("page")
    if isinstance(page, PageRequest) and len(found.items) > page.limit:
        raise EngineFailed(f"The guest agent answered {method.name} with more than was asked for.", REMEDY)
    return found


def ticket(reply: sealing.Reply) -> Ticket:
    """Of an operation. Raises EngineFailed."""
    try:
        found = codec.decode(bytes(reply.value), Ticket)
    except Invalid as error:
        raise EngineFailed("The guest agent's ticket is of another shape.", REMEDY) from error
    return msgspec.structs.replace(found, failure=words(found.failure)) if found.failure else found


def error(failure: Failure) -> TroveError:
    """What the agent raised."""
    said = words(failure)
    return from_code(said.code, said.message, said.hint)


def words(failure: Failure) -> Failure:
    """The same, fit to be shown: a stolen agent writes what it likes."""
    return Failure(code=plain(failure.code, _CODE), message=plain(failure.message, LONGEST),
                   hint=plain(failure.hint, LONGEST))
