"""The MySQL family, each noun in a module of its own. An engine of it is a ``Dialect`` and the few methods of
``engine.Family`` that are no data. No module of the family knows an engine, and no engine another."""

from collections.abc import Callable
from dataclasses import dataclass

from common.datastores.mysqlfamily import Rules


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server of the family has otherwise than its siblings.

    ``stem`` is that of its files' names; ``programs`` are the server and what makes a data directory, ``package``
    is Debian's. ``owned`` is what an instance is made of, in the server's spelling, and ``families`` are prefixes of
    what is, or makes of another name what is: no tenant's. The server takes a part of a name for the whole where only
    one begins so; those in ``whole`` are whole themselves. ``sized`` gives settings that follow from the flavor's
    memory (MB) and the volume (bytes); ``own`` are ours beside those of the family.

    ``session`` and ``mode`` are for every session of the agent's, since a tenant may give them others: variables, and
    ``sql_mode``. ``accounts`` is the condition by which rows of ``mysql.user`` are no roles. Questions: for hosts of
    ``open_roots`` that are called %s, not at localhost and not locked; for name, value and type of global ``values`` in
    a list; for the account %s at localhost. ``admin`` makes the agent's ``{account}`` anew, for the operating system
    account of that name; ``system`` the server's own, by name, as the server itself makes them.
    """

    rules: Rules
    stem: str
    programs: tuple[str, ...]
    package: str
    owned: frozenset[str]
    families: tuple[str, ...]
    whole: frozenset[str]
    defaults: dict[str, str]
    sized: Callable[[int, int], dict[str, str]]
    own: dict[str, str]
    session: str
    mode: str
    accounts: str
    open_roots: str
    values: str
    has_account: str
    admin: tuple[str, ...]
    system: dict[str, tuple[str, ...]]
