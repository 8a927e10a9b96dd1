"""How a contract is declared: a Protocol class whose methods wear one of three kinds.

``call``       short, answered, safe to repeat, with a deadline in seconds
``cast``       an observation that may be lost; ``confirmed`` ones are persistent and the broker confirms them
``operation``  long work: answered at once with a ticket; progress and result reach the conductor; asked again with the
               same id, it returns the running or the final result
"""

import enum
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass, field


class Kind(enum.Enum):
    CALL = "call"
    CAST = "cast"
    OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class Method:
    """One entry of a contract: its name, kind, the version it came with, argument types by name, and result type."""

    name: str
    kind: Kind
    since: str
    deadline: float
    confirmed: bool
    capability: str
    arguments: dict[str, object] = field(hash=False)
    result: object


_MARK = "__contract__"
_Mark = tuple[Kind, str, float, bool, str]
F = typing.TypeVar("F", bound=Callable[..., object])


def call(*, deadline: float = 15.0, since: str = "1.0", capability: str = "") -> Callable[[F], F]:
    """Marks a short, answered, repeatable order; ``deadline`` in seconds; ``capability`` is what the engine needs."""
    return _marker((Kind.CALL, since, deadline, False, capability))


def cast(*, confirmed: bool = False, since: str = "1.0") -> Callable[[F], F]:
    """Marks an observation. ``confirmed``: persistent, and sent until the broker has it."""
    return _marker((Kind.CAST, since, 0.0, confirmed, ""))


def operation(*, deadline: float, since: str = "1.0", capability: str = "") -> Callable[[F], F]:
    """Marks long work; ``deadline`` in seconds is the default that an order may replace by its own."""
    return _marker((Kind.OPERATION, since, deadline, True, capability))


def methods(contract: type) -> dict[str, Method]:
    """All methods of a contract class, by name. Raises TypeError for a public method without a kind."""
    found: dict[str, Method] = {}
    for name, function in vars(contract).items():
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        mark: _Mark | None = getattr(function, _MARK, None)
        if mark is None:
            raise TypeError(f"{contract.__name__}.{name} has no kind: mark it call, cast or operation")
        hints = typing.get_type_hints(function)
        result = hints.pop("return", type(None))
        kind, since, deadline, confirmed, capability = mark
        found[name] = Method(name, kind, since, deadline, confirmed, capability, hints, result)
    return found


def _marker(mark: _Mark) -> Callable[[F], F]:
    def set_mark(function: F) -> F:
        setattr(function, _MARK, mark)
        return function

    return set_mark
