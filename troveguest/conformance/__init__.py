"""The conformance kit: behaviours that every engine must show, as plain functions of a Subject. No release has it.

Those of ``LIFE`` and ``ORDERS`` want an engine that nothing was done to. Those of ``serving`` want a running server
without databases and users of the tenant's; what they leave in it, ``asking.empty`` takes away.
"""

from collections.abc import Callable
from types import ModuleType

from common.datastores.manifest import Manifest

from . import access, asking, configuration, databases, drift, hosts, life, logs, names, orders, root, users
from .subject import Subject

__all__ = ["LIFE", "ORDERS", "Behaviour", "asking", "identify", "serving"]

Behaviour = Callable[[Subject], None]


def _of(module: ModuleType) -> tuple[Behaviour, ...]:
    return tuple(value for name, value in vars(module).items()
                 if callable(value) and not name.startswith("_") and value.__module__ == module.__name__)


LIFE = _of(life)
ORDERS = _of(orders)
"""Of the agent rather than of its engine: shown on the one in memory."""
_NEEDS = (
    ({"databases"}, databases), ({"users"}, users), ({"users", "databases", "hosts"}, hosts),
    ({"users", "databases", "access"}, access), ({"root"}, root), ({"users"}, names), ({"users"}, drift),
    ({"configuration"}, configuration), ({"logs"}, logs),
)  # fmt: skip


def serving(manifest: Manifest) -> tuple[Behaviour, ...]:
    """The behaviours that an engine with these capabilities must show while it serves."""
    able = manifest.capabilities | ({"hosts"} if manifest.users_have_hosts else set())
    return tuple(behaviour for needs, module in _NEEDS if needs <= able for behaviour in _of(module))


def identify(behaviour: Behaviour) -> str:
    return f"{behaviour.__module__.rpartition('.')[2]}-{behaviour.__name__}"
