"""Where instances live."""

import inspect

from .base import Provider, Wanted

__all__ = ["Provider", "Wanted", "check"]


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
