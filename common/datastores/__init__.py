"""A manifest per engine, as data and pure functions: versions, ports, capabilities, reserved names, rules for names."""

from importlib import import_module

from common.errors import NotFound

from .manifest import Manifest

ENGINES = ("mariadb", "mysql", "postgresql", "redis", "fake")


def manifest(engine: str) -> Manifest:
    """The manifest of one engine; imports only that engine's data. Raises NotFound."""
    if engine not in ENGINES:
        raise NotFound(f"There is no engine {engine!r}.", f"Choose one of: {', '.join(ENGINES)}.")
    found: Manifest = import_module(f"common.datastores.{engine}").MANIFEST
    return found
