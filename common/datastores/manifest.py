"""The shape of an engine's manifest."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manifest:
    """What both sides know about an engine without asking a server.

    ``programs`` maps those that a machine must have to the Debian package that brings them; ``a|b``: one of the two.
    ``capabilities`` are those of ``common.contract.guest`` whose methods the engine has.
    The ``check_*`` functions raise ``common.errors.Invalid`` or ``Refused`` with the rule in the sentence.
    """

    name: str
    versions: tuple[str, ...]
    default_port: int
    programs: dict[str, str]
    capabilities: frozenset[str]
    users_have_hosts: bool
    reserved_users: frozenset[str]
    reserved_databases: frozenset[str]
    check_database: Callable[[str], None]
    check_user: Callable[[str, str], None]
    check_password: Callable[[str], None]
    check_charset: Callable[[str | None, str | None], None]
