"""Which version of the contract an order needs of its receiver: a newer field that is left out needs nothing newer.

A struct says with ``SINCE: ClassVar[dict[str, str]]`` which of its fields came after version 1.0, and with which. Such
a field has a default that means what the older peer does anyway.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from common.contract.declare import Method
from common.contract.version import parts


def needed(method: Method, arguments: Mapping[str, object]) -> str:
    """The method's own version, or that of the newest field which these arguments use."""
    version = method.since
    for value in arguments.values():
        for since in _used(value):
            version = max(version, since, key=parts)
    return version


def _used(value: object) -> Iterator[str]:
    """The versions of all newer fields that do not have their default, at any depth."""
    if isinstance(value, Struct):
        since: Mapping[str, str] = getattr(value, "SINCE", {})
        plain = dict(zip(reversed(value.__struct_fields__), reversed(value.__struct_defaults__), strict=False))
        for name in value.__struct_fields__:
            part = getattr(value, name)
            if name in since and part != plain[name]:
                yield since[name]
            yield from _used(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _used(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _used(part)
