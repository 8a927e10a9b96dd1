"""Writes down which parameters a server of this machine has: ``packaging/parameters.py ENGINE VERSION [BINARIES]``.

The server is started in a temporary directory by the agent's own engine, so this runs in the agent's environment
(``.venvs/guest/bin/python``). What it tells becomes ``trove/datastores/ENGINE/VERSION.json``; what it does not tell
stands in ``parameters.toml`` beside that, by hand.
"""

import getpass
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0

Entry = dict[str, Any]
"""As ``trove.domain.parameters.Parameter`` has it, without what is left at its default."""

_MARIADB = """\
SELECT LOWER(VARIABLE_NAME), VARIABLE_TYPE, DEFAULT_VALUE, NUMERIC_MIN_VALUE, NUMERIC_MAX_VALUE, NUMERIC_BLOCK_SIZE,
       ENUM_VALUE_LIST, READ_ONLY
FROM information_schema.SYSTEM_VARIABLES
WHERE VARIABLE_SCOPE <> 'SESSION ONLY' AND (COMMAND_LINE_ARGUMENT IS NOT NULL OR VARIABLE_NAME = 'AUTOCOMMIT')
ORDER BY 1"""
"""The server reads autocommit from its files, and does not say so here."""
_POSTGRESQL = """\
SELECT name, vartype, boot_val, min_val, max_val, unit, array_to_string(enumvals, ','), context
FROM pg_settings WHERE context <> 'internal' AND name !~ '[.]' ORDER BY name COLLATE "C\""""
_MARIADB_KINDS = {"BOOLEAN": "boolean", "ENUM": "enum", "SET": "set", "FLAGSET": "string", "VARCHAR": "string",
                  "DOUBLE": "float"}
_POSTGRESQL_KINDS = {"bool": "boolean", "integer": "integer", "real": "float", "string": "string", "enum": "enum"}


def mariadb(session: Any) -> Iterator[Entry]:
    for name, kind, default, least, most, step, values, read_only in session.rows(_MARIADB):
        known = _MARIADB_KINDS.get(kind, "integer")
        entry: Entry = {"name": name, "kind": known, "dynamic": read_only == "NO",
                        "default": _unless_path(default)}
        if known in ("integer", "float"):
            entry |= {"minimum": _number(least), "maximum": _number(most)}
            entry |= {"step": int(step)} if int(step or 1) > 1 else {}
        if known in ("enum", "set"):
            entry["choices"] = values.split(",")
        yield entry


def postgresql(session: Any) -> Iterator[Entry]:
    for name, kind, default, least, most, unit, values, context in session.rows(_POSTGRESQL):
        known = _POSTGRESQL_KINDS[kind]
        entry: Entry = {"name": name, "kind": known, "dynamic": context != "postmaster",
                        "default": _unless_path(default)}
        if known in ("integer", "float"):
            entry |= {"minimum": _number(least), "maximum": _number(most)}
            entry |= {"unit": unit} if unit else {}
        if known == "enum":
            entry["choices"] = values.split(",")
        yield entry


TELLERS: dict[str, Callable[[Any], Iterator[Entry]]] = {"mariadb": mariadb, "postgresql": postgresql}


def ask(engine: str, version: str, binaries: str = "") -> list[Entry]:
    """What a server of that engine and version tells, in name order; ``binaries`` as a datastore version names them."""
    from troveguest.conformance import asking
    from troveguest.conformance.subject import engine_context
    from troveguest.datastores import load

    os.environ["TROVE_TEST_BINARIES"] = binaries
    with engine_context(_free_port(), getpass.getuser(), version) as context:
        server = load(engine, context)
        server.initialise(asking.prepare())
        server.start(PATIENCE)
        try:
            with server.sql.session() as session:
                return list(TELLERS[engine](session))
        finally:
            server.stop(PATIENCE)


def text(entries: list[Entry]) -> str:
    """As it is kept: a parameter a line."""
    return "[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n"


def file(engine: str, version: str) -> Path:
    return CHECKOUT / "trove" / "datastores" / engine / f"{version}.json"


def _unless_path(default: str | None) -> str | None:
    """Where something lies on this machine says nothing of others."""
    return None if default and default.startswith("/") else default


def _number(written: str) -> int | float:
    value = float(written)
    return int(written) if value.is_integer() and "e" not in written.lower() and "." not in written else value


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    target = file(*sys.argv[1:3])
    target.write_text(text(ask(*sys.argv[1:])))
    sys.stdout.write(f"{target.relative_to(CHECKOUT)}\n")
