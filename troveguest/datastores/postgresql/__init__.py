"""PostgreSQL, each noun in a module of its own.

The agent speaks the server's protocol itself (``wire``) and holds no connection between orders: each would be a process
in the server. What it must have to get in is the operating system's word that it is the agent (peer), nothing else.
"""

from .engine import PostgreSQL, make

__all__ = ["PostgreSQL", "make"]
