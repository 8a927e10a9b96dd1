"""MariaDB, each noun in a module of its own.

What a sibling of the family has differently stands in data and small functions: the programs and how they make a data
directory (``programs``), the settings (``config``), how a password is kept (``accounts.set_password``).
"""

from ..base import Engine, EngineContext


def make(context: EngineContext) -> Engine:
    """Loads the engine no earlier: who copies a template has no use for it."""
    from .engine import MariaDB

    return MariaDB(context)
