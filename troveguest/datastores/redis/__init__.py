"""Redis and Valkey, each noun in a module of its own.

The agent speaks the servers' protocol itself (``resp``), over the Unix socket, as an ACL user of its own. Its password
is drawn here and in a file that only the agent's user can read; the server has the hash. Each start of the server puts
that user right, whatever a tenant with root made of it.
"""

from .engine import Redis, make

__all__ = ["Redis", "make"]
