"""Writes down which parameters a server of this machine has: ``packaging/parameters.py ENGINE VERSION [BINARIES]``.

The server is started in a temporary directory by what the agent has for that, so this runs in the agent's environment
(``.venvs/guest/bin/python``). What it tells becomes ``trove/datastores/ENGINE/VERSION.json``; what it does not tell
stands in ``parameters.toml`` beside that, by hand.

``packaging/parameters.py --try ENGINE VERSION [BINARIES]`` reads values that a catalogue takes, ``{name: [text, …]}``,
and says which of them a running server does not take, or tells otherwise: ``{name: {text: why}}``.
"""

import getpass
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))
PATIENCE = 60.0

Entry = dict[str, Any]
"""As ``trove.domain.parameters.Parameter`` has it, without what is left at its default."""

_MARIADB = """\
SELECT LOWER(VARIABLE_NAME), VARIABLE_TYPE, DEFAULT_VALUE, NUMERIC_MIN_VALUE, NUMERIC_MAX_VALUE, NUMERIC_BLOCK_SIZE,
       ENUM_VALUE_LIST, READ_ONLY
FROM information_schema.SYSTEM_VARIABLES
WHERE VARIABLE_SCOPE <> 'SESSION ONLY' AND (COMMAND_LINE_ARGUMENT IS NOT NULL OR VARIABLE_NAME IN (
    'AUTOCOMMIT', 'CHARACTER_SET_SERVER', 'COLLATION_SERVER', 'LC_TIME_NAMES')) ORDER BY 1"""
"""The server reads the last four from its files, and does not say so here."""
_POSTGRESQL = """\
SELECT name, vartype, boot_val, min_val, max_val, unit, array_to_string(enumvals, ','), context
FROM pg_settings WHERE context <> 'internal' AND name !~ '[.]' ORDER BY name COLLATE "C\""""
_MARIADB_KINDS = {"BOOLEAN": "boolean", "ENUM": "enum", "SET": "set", "FLAGSET": "string", "VARCHAR": "string",
                  "DOUBLE": "float"}
_POSTGRESQL_KINDS = {"bool": "boolean", "integer": "integer", "real": "float", "string": "string", "enum": "enum"}


_OUT_OF_RANGE = {"a memory value": (str(10**20), "0"), "into an integer": (str(-2**63),)}
"""What Redis refuses with a range, by the end of what it says to a word."""
_BOUNDS = re.compile(r"must be between (-?[0-9]+) and (-?[0-9]+) inclusive")
_WORDS = re.compile(r"must be one of the following: (.*)")
_SHUT = ("immutable config", "protected config")


def mariadb(session: Any) -> Iterator[Entry]:
    for name, kind, default, least, most, step, values, read_only in session.rows(_MARIADB):
        known = "string" if kind == "ENUM" and not values else _MARIADB_KINDS.get(kind, "integer")
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


def redis(connection: Any) -> Iterator[Entry]:
    """It tells names and values. What each may be it says when it is given something else."""
    told = connection.texts("CONFIG", "GET", "*")
    for name, value in sorted(zip(told[::2], told[1::2], strict=True)):
        if name not in ("bind", "dir", "unixsocket"):
            yield {"name": name} | _tried(connection, name, value) | {"default": _unless_path(value)}


def _tried(connection: Any, name: str, value: str) -> Entry:
    refusal = _said(connection, name, "not a value", value)
    if any(each in refusal for each in _SHUT):
        kind = "boolean" if value in ("yes", "no") else "integer" if value.isdigit() else "string"
        return {"kind": kind, "dynamic": False}
    if words := _WORDS.search(refusal):
        return {"kind": "enum", "dynamic": True, "choices": words[1].split(", ")}
    if "'yes' or 'no'" in refusal:
        return {"kind": "boolean", "dynamic": True}
    for end, numbers in _OUT_OF_RANGE.items():
        if refusal.endswith(end):
            unit = {"unit": "B"} if end == "a memory value" else {}
            return {"kind": "integer", "dynamic": True} | _range(connection, name, value, numbers) | unit
    return {"kind": "string", "dynamic": True}


def _range(connection: Any, name: str, value: str, numbers: tuple[str, ...]) -> Entry:
    said = (_BOUNDS.search(_said(connection, name, number, value)) for number in numbers)
    least, most = next(((int(found[1]), int(found[2])) for found in said if found), (0, 2**63 - 1))
    return {"minimum": least, "maximum": most}


def _said(connection: Any, name: str, value: str, before: str) -> str:
    """Why it does not take that value; it is as before then. Empty when it does."""
    from troveguest.datastores.redis import resp

    try:
        connection.ask("CONFIG", "SET", name, value)
    except resp.ServerError as error:
        return str(error)
    connection.ask("CONFIG", "SET", name, before)
    return ""


def ask(engine: str, version: str, binaries: str = "") -> list[Entry]:
    """What a server of that engine and version tells, in name order; ``binaries`` as a datastore version names them."""
    if engine == "redis":
        return _ask_bare(binaries)
    with serving(engine, version, binaries) as server, server.sql.session() as session:
        return list({"mariadb": mariadb, "postgresql": postgresql}[engine](session))


def attempt(engine: str, version: str, binaries: str, values: dict[str, list[str]]) -> dict[str, dict[str, str]]:
    """What the agent says of each value that the server does not take."""
    refused: dict[str, dict[str, str]] = {}
    with serving(engine, version, binaries) as server:
        for turn in range(max(map(len, values.values()))):
            _try(server, {name: each[turn] for name, each in values.items() if turn < len(each)}, refused)
    return refused


def _try(server: Any, wanted: dict[str, str], refused: dict[str, dict[str, str]]) -> None:
    """All of them together, and the halves of those that cannot be had together."""
    from common.errors import TroveError

    try:
        server.update_overrides(wanted, tuple(wanted), False)
    except TroveError as error:
        if len(wanted) == 1:
            [(name, value)] = wanted.items()
            refused.setdefault(name, {})[value] = error.message
        names = sorted(wanted)
        for half in (names[:len(names) // 2], names[len(names) // 2:]) if len(names) > 1 else ():
            _try(server, {name: wanted[name] for name in half}, refused)


@contextmanager
def serving(engine: str, version: str, binaries: str) -> Iterator[Any]:
    """The agent's engine with a server of its own."""
    from troveguest.conformance import asking
    from troveguest.conformance.subject import engine_context
    from troveguest.datastores import load

    os.environ["TROVE_TEST_BINARIES"] = binaries
    with engine_context(_free_port(), getpass.getuser(), version) as context:
        server = load(engine, context)
        server.initialise(asking.prepare())
        server.start(PATIENCE)
        try:
            yield server
        finally:
            server.stop(PATIENCE)


def _ask_bare(binaries: str) -> list[Entry]:
    """Of a Redis without a configuration: the agent's hides what it would be by itself."""
    from troveguest.conformance.subject import home
    from troveguest.datastores.redis import programs, resp

    with home() as directory:
        command = (programs.find(binaries), "--port", "0", "--unixsocket", directory / "socket")
        with subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL) as server:
            try:
                return list(redis(_connection(directory / "socket", resp)))
            finally:
                server.terminate()


def _connection(path: Path, resp: Any) -> Any:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return resp.Connection(path, PATIENCE)
        except resp.Lost:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)  # no event tells that a socket begins to listen


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


def main(words: list[str]) -> None:
    if words[0] == "--try":
        engine, version, binaries = (*words[1:], "")[:3]
        json.dump(attempt(engine, version, binaries, json.load(sys.stdin)), sys.stdout)
        return
    target = file(*words[:2])
    target.parent.mkdir(exist_ok=True)
    target.write_text(text(ask(*words)))
    sys.stdout.write(f"{target.relative_to(CHECKOUT)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
