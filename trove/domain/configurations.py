"""What a group of settings changes in an instance that has it, or is to have it, and how far it has come there."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from .parameters import Catalogue, Parameter
from .states import Task

_COMING = frozenset((Task.BUILDING, Task.BUILD_FAILED, Task.CONFIGURING))


class Standing(enum.Enum):
    """How far a group's values have come in an instance that has it."""

    IN_FORCE = "in_force"
    RESTART_REQUIRED = "restart_required"
    PENDING = "pending"
    """It gets them when nothing else is done with it, or is getting them."""
    DIFFERENT = "different"
    """It did not take them, or has gone back to others."""


def standing(task: Task, has: Mapping[str, str], wanted: Mapping[str, str], *, due: bool, waiting: bool) -> Standing:
    """``has`` is what its guest was given last, ``due`` whether it is still to be given others; ``waiting``: whether
    its server gets some at its next start."""
    if due or task in _COMING:
        return Standing.PENDING
    if has != wanted:
        return Standing.DIFFERENT
    return Standing.RESTART_REQUIRED if waiting else Standing.IN_FORCE


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
