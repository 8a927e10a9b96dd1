"""Request bodies: JSON into the structs of ``schemas``, and views into JSON."""

from collections.abc import Mapping
from typing import TypeVar

import falcon
import msgspec

from common.errors import Invalid
from common.secret import Secret

from .schemas import blocks

T = TypeVar("T")

MAX_BYTES = 1 << 20
"""The largest body that is read; a creation with a thousand users has a tenth of it."""


def read(req: falcon.Request, kind: type[T]) -> T:
    """The body as a ``kind``. Raises Invalid for a missing or wrong one, 413 for a large one, 415 for another type."""
    data = _data(req)
    if not data:
        raise Invalid("The request needs a JSON body.")
    return decode(data, kind)


def read_optional(req: falcon.Request, kind: type[T]) -> T | None:
    """None where there is no body."""
    data = _data(req)
    return decode(data, kind) if data.strip() not in (b"", b"null") else None


def write(resp: falcon.Response, view: object) -> None:
    resp.data = msgspec.json.encode(view)


def raw(req: falcon.Request) -> bytes:
    """The body as it came, however often it is asked for. Raises 413 for a large one."""
    if not hasattr(req.context, "body"):
        req.context.body = _received(req)
    data: bytes = req.context.body
    return data


def _received(req: falcon.Request) -> bytes:
    if (req.content_length or 0) > MAX_BYTES:
        raise _too_large()
    stream = req.stream if req.env.get("wsgi.input_terminated") else req.bounded_stream
    data: bytes = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _too_large()
    return data


def _data(req: falcon.Request) -> bytes:
    data = raw(req)
    if data and (req.content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise falcon.HTTPUnsupportedMediaType(description="The body must be JSON: send Content-Type: application/json.")
    return data


def _too_large() -> falcon.HTTPError:
    return falcon.HTTPContentTooLarge(description=f"The body has more than {MAX_BYTES} bytes.")


def decode(data: bytes, kind: type[T]) -> T:
    """JSON as a ``kind``. Raises Invalid, which names the member that is wrong."""
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_conceal)
    except msgspec.ValidationError as error:
        raise Invalid(f"Validation error: {blocks.in_words(str(error))}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"The body is not JSON: {error}") from None


def convert(query: Mapping[str, str | list[str]], kind: type[T]) -> T:
    """Parameters of a query as a ``kind``. Raises Invalid, which names the one that is wrong."""
    try:
        return msgspec.convert(query, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"Validation error: {blocks.in_words(str(error))}") from None


def _conceal(kind: type, value: object) -> object:
    if kind is not Secret or not isinstance(value, str):
        raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
    if not 1 <= len(value) <= 255:
        raise ValueError("Expected `str` of 1 to 255 characters")
    return Secret(value)
