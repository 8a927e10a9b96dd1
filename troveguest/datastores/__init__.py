"""Engines. Only the configured one is imported."""

from importlib import import_module

from common.datastores import manifest
from common.errors import Internal

from .base import Engine, EngineContext, implemented


def load(name: str, context: EngineContext) -> Engine:
    """Imports and makes the engine ``name``. Raises NotFound, or Internal when it and its manifest disagree."""
    declared = manifest(name).capabilities
    engine: Engine = import_module(f"{__name__}.{name}").make(context)
    if (have := implemented(engine)) != declared:
        raise Internal(f"Engine {name} implements {sorted(have)} but its manifest declares {sorted(declared)}.")
    return engine
