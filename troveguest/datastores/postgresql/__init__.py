"""PostgreSQL, each noun in a module of its own.

The agent speaks the server's protocol itself (``wire``) and holds no connection between orders: each would be a process
in the server. What it must have to get in is the operating system's word that it is the agent (peer), nothing else.
"""

from ..base import Engine, EngineContext


def make(context: EngineContext) -> Engine:
    """Loads the engine no earlier: who copies a template has no use for it."""
    from .engine import PostgreSQL

    return PostgreSQL(context)
