"""Writes down which parameters a server of this machine has: ``packaging/parameters.py ENGINE VERSION [BINARIES]``.

The server is started in a temporary directory by what the agent has for that, so this runs in the agent's environment
(``.venvs/guest/bin/python``). What it tells becomes ``trove/datastores/ENGINE/VERSION.json``; what it does not tell
stands in ``parameters.toml`` beside that, by hand.

``packaging/parameters.py --try ENGINE VERSION [BINARIES]`` reads values that a catalogue takes, ``{name: [text, …]}``,
and says which of them a running server does not take, or tells otherwise: ``{name: {text: why}}``. Values that would
fill the disk are not tried.
"""

import getpass
import json
import os
import re
import signal
import socket
import struct
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
_MYSQL = """\
SELECT LOWER(VARIABLE_NAME), DATA_TYPE, MIN_VALUE, MAX_VALUE FROM performance_schema.variables_metadata
WHERE VARIABLE_SCOPE <> 'SESSION_ONLY' ORDER BY 1"""
_POSTGRESQL = """\
SELECT name, vartype, boot_val, min_val, max_val, unit, array_to_string(enumvals, ','), context
FROM pg_settings WHERE context <> 'internal' AND name !~ '[.]' ORDER BY name COLLATE "C\""""
_MARIADB_KINDS = {"BOOLEAN": "boolean", "ENUM": "enum", "SET": "set", "FLAGSET": "string", "VARCHAR": "string",
                  "DOUBLE": "float"}
_MYSQL_KINDS = {"Boolean": "boolean", "Integer": "integer", "Numeric": "float", "Enumeration": "enum", "Set": "set"}
_READ_ONLY, _WRONG_VALUE, _NO_OPTION = 1238, 1231, "(No default value)"
_MOST_WORDS = 64
_LEAST_BYTES = 1 << 52
"""Beneath that they are no number that anybody would limit something to."""
_POSTGRESQL_KINDS = {"bool": "boolean", "integer": "integer", "real": "float", "string": "string", "enum": "enum"}


_OUT_OF_RANGE = {"a memory value": (str(10**20), "0"), "into an integer": (str(-2**63),)}
"""What Redis refuses with a range, by the end of what it says to a word."""
_BOUNDS = re.compile(r"must be between (-?[0-9]+) and (-?[0-9]+) inclusive")
_WORDS = re.compile(r"must be one of the following: (.*)")
_SHUT = ("immutable config", "protected config")

_MOST_WRITTEN = {"innodb_redo_log_capacity": 1 << 30, "innodb_log_file_size": 1 << 30}
"""Bytes of what a server writes for good as soon as it is told a size. MySQL makes redo files of a 32nd of theirs each,
16 GiB at the largest; MariaDB the whole file."""
_TOGETHER = 24
"""Names whose values are tried at once. Many more, each at its largest, are more than a server survives."""


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


def mysql(session: Any, options: dict[str, str]) -> Iterator[Entry]:
    """``options`` are those that the server takes when it starts, with its defaults. Which can be changed while it
    runs, and which words it knows, it says when it is given them."""
    for name, kind, least, most in session.rows(_MYSQL):
        if name not in options:
            continue
        known, default = _MYSQL_KINDS.get(kind, "string"), options[name]
        if known == "boolean":
            default = {"TRUE": "ON", "FALSE": "OFF"}.get(default, default)
        dynamic = _error(session, f"{name} = @@GLOBAL.{name}") != _READ_ONLY
        entry: Entry = {"name": name, "kind": known, "dynamic": dynamic,
                        "default": None if default == _NO_OPTION else _unless_path(default)}
        if known in ("integer", "float"):
            decode = _double if known == "float" else int
            entry |= {"minimum": decode(least), "maximum": decode(most)}
        if known in ("enum", "set"):
            entry["choices"] = _words(session, name, known)
        yield entry


def _words(session: Any, name: str, kind: str) -> list[str]:
    [(before,)] = session.rows(f"SELECT @@GLOBAL.{name}")
    found = []
    for place in range(_MOST_WORDS):
        error = _error(session, f"{name} = {place if kind == 'enum' else 1 << place}")
        if error == _WRONG_VALUE:
            break
        [(word,)] = session.rows(f"SELECT @@GLOBAL.{name}")
        found += [] if error or "," in word else [word]  # a word that stands for several is told as these
    _error(session, f"{name} = '{before}'")
    return found


def _error(session: Any, assignment: str) -> int:
    """The number with which the server refuses that; 0 when it does not."""
    from troveguest.datastores.mysqlfamily.sql import pymysql

    try:
        session.rows(f"SET GLOBAL {assignment}")
    except pymysql.err.Error as error:
        return int(error.args[0])
    return 0


def _double(written: str) -> float:
    """The server writes the eight bytes of it as a whole number; InnoDB, what it rounds to."""
    if int(written) < _LEAST_BYTES:
        return float(written)
    [value] = struct.unpack("<d", struct.pack("<Q", int(written)))
    return float(value)


def _options(binaries: str) -> dict[str, str]:
    """What ``mysqld --verbose --help`` shows below its last line of dashes."""
    from troveguest.datastores.mysql import DIALECT
    from troveguest.datastores.mysqlfamily import programs

    server = programs.find(DIALECT, binaries).server
    said = subprocess.run([server, "--no-defaults", "--verbose", "--help"], capture_output=True, text=True, check=True)
    lines = said.stdout.rpartition("\n-----")[2].splitlines()[1:]
    words = (line.split(maxsplit=1) for line in lines if line and not line.startswith((" ", "To ")))
    return {word[0].replace("-", "_"): word[1].strip() if word[1:] else "" for word in words}


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
        if engine == "mysql":
            return list(mysql(session, _options(binaries)))
        return list({"mariadb": mariadb, "postgresql": postgresql}[engine](session))


def attempt(engine: str, version: str, binaries: str, values: dict[str, list[str]]) -> dict[str, dict[str, str]]:
    """What the agent says of each value, of the harmless ones, that the server does not take by itself."""
    refused: dict[str, dict[str, str]] = {}
    left = list(_groups(harmless(values)))
    while left:  # one that refused something may be in any state, or dead: another follows it
        with serving(engine, version, binaries) as server:
            why = ""
            while left and not why:
                group = left.pop()
                why = _reason(server, group)
            if why:
                _set_apart(group, why, left, refused)
    return refused


def _groups(values: dict[str, list[str]]) -> Iterator[dict[str, str]]:
    """Each value once, several names at a time."""
    for turn in range(max(map(len, values.values()))):
        names = [name for name, each in values.items() if turn < len(each)]
        groups = -(-len(names) // _TOGETHER)
        for first in range(groups):  # neighbours, which limit one another, apart
            yield {name: values[name][turn] for name in names[first::groups]}


def _reason(server: Any, wanted: dict[str, str]) -> str:
    """Why a server does not take them: then it is dead afterwards. Empty when it does: then it is as before."""
    from common.errors import TroveError

    why, process = "", server.context.host.database().process
    try:
        server.update_overrides(wanted, tuple(wanted), False)
        server.settings(tuple(wanted))
        server.update_overrides({}, tuple(wanted), False)
    except TroveError as error:
        why = error.message
        if server.context.host.database().process:
            os.kill(process.pid, signal.SIGKILL)  # it may be busy with what it was told for longer than anybody waits
        else:
            why = f"The server ended. {why}"
    return why


def _set_apart(group: dict[str, str], why: str, left: list[dict[str, str]], refused: dict[str, dict[str, str]]) -> None:
    """Halves of those that cannot be had together are tried by themselves."""
    names = list(group)
    if len(names) == 1:
        refused.setdefault(names[0], {})[group[names[0]]] = why
    else:
        middle = len(names) // 2
        left += [{name: group[name] for name in half} for half in (names[:middle], names[middle:])]


def harmless(values: dict[str, list[str]]) -> dict[str, list[str]]:
    """Those that leave room on the disk."""
    return {name: [each for each in some if name not in _MOST_WRITTEN or int(each) <= _MOST_WRITTEN[name]]
            for name, some in values.items()}


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
