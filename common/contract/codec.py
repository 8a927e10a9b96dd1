"""JSON for contract types, with Secret as text. The only place where a Secret is written in clear: callers seal it."""

from typing import TypeVar

import msgspec

from common.errors import Invalid
from common.secret import Secret

T = TypeVar("T")


def _reveal(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"{type(value).__name__} is not a contract type")


def _conceal(kind: type, value: object) -> object:
    if kind is Secret:
        if isinstance(value, str):
            return Secret(value)
        raise TypeError("a secret is a text")  # msgspec makes it a ValidationError that names the place
    raise NotImplementedError(f"{kind.__name__} is not a contract type")


_encoder = msgspec.json.Encoder(enc_hook=_reveal)


def encode(value: object) -> bytes:
    return _encoder.encode(value)


def decode(data: bytes | str, kind: type[T]) -> T:
    """Raises Invalid with the place of the fault in the data."""
    try:
        return msgspec.json.decode(data, type=kind, dec_hook=_conceal)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"The message is not a {getattr(kind, '__name__', kind)}: {error}.") from None
