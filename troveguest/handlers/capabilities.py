"""Orders that need a capability are the engine's own methods: it has what the contract has, under the same names."""

from collections.abc import Callable
from types import MethodType

from common.contract.declare import methods
from common.contract.guest import Guest

from ..datastores.base import Engine


def handlers(engine: Engine, capabilities: frozenset[str]) -> dict[str, Callable[..., object]]:
    """By name. Where the engine lacks a capability the contract's own method stands, which dispatch never reaches."""
    return {
        name: getattr(engine, name) if method.capability in capabilities else MethodType(getattr(Guest, name), engine)
        for name, method in methods(Guest).items() if method.capability
    }
