"""What a group of settings changes in an instance that has it, or is to have it."""

from collections.abc import Mapping
from dataclasses import dataclass

from .parameters import Catalogue, Parameter


@dataclass(frozen=True, slots=True)
class Change:
    """``was`` and ``becomes`` as the server writes them, None where nobody knows what it has of itself. One that is not
    ``live`` waits for a restart."""

    name: str
    was: str | None
    becomes: str | None
    live: bool


def plan(catalogue: Catalogue, before: Mapping[str, str], after: Mapping[str, str],
         without: Mapping[str, str]) -> tuple[Change, ...]:
    """In order of names. ``without``: what the server has where no group says anything."""
    changes = (_change(catalogue.parameters.get(name), name, before.get(name, without.get(name)),
                       after.get(name, without.get(name))) for name in sorted({*before, *after}))
    return tuple(each for each in changes if each.was != each.becomes or each.was is None)


def touched(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """The names that a guest is told of, wanted or dropped."""
    return frozenset({*before, *after})


def _change(known: Parameter | None, name: str, was: str | None, becomes: str | None) -> Change:
    return Change(name, was, becomes, live=known is not None and known.dynamic)
