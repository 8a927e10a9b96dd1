"""Where instances live. ``load`` gives the provider that the configuration names, or refuses to start."""

import importlib
import inspect

from .base import Provider, Wanted

__all__ = ["MODULES", "Provider", "Wanted", "check", "load"]

MODULES = {"local": "trove.providers.local"}
"""By name in the configuration; each module has a function ``provider`` that takes the provider's own settings."""


def load(name: str, **settings: object) -> Provider:
    """Imports and makes one provider. Raises LookupError for an unknown name, TypeError for one with a gap."""
    if name not in MODULES:
        raise LookupError(f"There is no provider {name!r}; there is {', '.join(sorted(MODULES))}.")
    provider: Provider = importlib.import_module(MODULES[name]).provider(**settings)
    check(provider)
    return provider


def check(provider: object) -> None:
    """Raises TypeError for a method of the protocol that is missing or takes other arguments."""
    for name, wanted in inspect.getmembers(Provider, inspect.isfunction):
        if name.startswith("_"):
            continue
        method = getattr(provider, name, None)
        if method is None:
            raise TypeError(f"{type(provider).__name__} lacks the method {name}")
        expected = list(inspect.signature(wanted).parameters)[1:]
        if list(inspect.signature(method).parameters) != expected:
            raise TypeError(f"{type(provider).__name__}.{name} takes other arguments than {', '.join(expected)}")
    if not getattr(provider, "name", ""):
        raise TypeError(f"{type(provider).__name__} has no name")
