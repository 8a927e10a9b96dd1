"""An engine in memory with every capability, for tests of everything above engines."""

from .engine import FakeEngine, make

__all__ = ["FakeEngine", "make"]
