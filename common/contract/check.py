"""Whether a set of handlers is a whole contract: asked before a server starts, so that a gap is found by no user."""

import inspect
import typing
from collections.abc import Callable, Mapping

from .declare import Method, methods


def check_handlers(contract: type, handlers: Mapping[str, Callable[..., object]], *,
                   beside: tuple[str, ...] = ()) -> dict[str, Method]:
    """The contract's methods by name, when ``handlers`` has every one with the contract's argument and result types.

    A handler may take the parameters named in ``beside`` too, which the server gives it. Raises TypeError that names
    every gap.
    """
    wanted = methods(contract)
    gaps = [f"{name} is not in the contract" for name in handlers if name not in wanted]
    for name, method in wanted.items():
        if name not in handlers:
            gaps.append(f"{name} is missing")
        elif fault := _difference(method, handlers[name], beside):
            gaps.append(f"{name} {fault}")
    if gaps:
        raise TypeError(f"The handlers are not {contract.__name__}: {'; '.join(gaps)}.")
    return wanted


def _difference(method: Method, handler: Callable[..., object], beside: tuple[str, ...]) -> str:
    parameters = [name for name in inspect.signature(handler).parameters if name not in beside]
    if parameters != list(method.arguments):
        return f"takes {parameters}, not {list(method.arguments)}"
    hints = typing.get_type_hints(inspect.unwrap(handler))
    for name, kind in method.arguments.items():
        if hints.get(name) != kind:
            return f"takes {name} as {hints.get(name)}, not {kind}"
    if hints.get("return") != method.result:
        return f"returns {hints.get('return')}, not {method.result}"
    return ""
