"""The tenant's settings while the server runs: read from its files at a reload."""

import re
import time
from collections.abc import Mapping

from common.errors import DeadlinePassed, EngineFailed

from ..overrides import Overrides
from . import config
from .names import Identifier
from .sql import Session, Sql

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_VALUES = """\
SELECT lower(s.name),
       CASE WHEN s.source IN ('client', 'session', 'user', 'database', 'database user') OR s.name LIKE 'tcp%%'
            THEN coalesce(f.setting, s.boot_val) ELSE s.setting END
FROM pg_settings s
LEFT JOIN (SELECT DISTINCT ON (lower(name)) name, setting FROM pg_file_settings
           WHERE error IS NULL ORDER BY lower(name), seqno DESC) f ON lower(f.name) = lower(s.name)
WHERE s.setting IS NOT NULL AND lower(s.name) = ANY (string_to_array(%s, ','))"""
"""A session of ours has settings of its own, which are nobody else's, and no TCP."""
_FAULTS = """\
SELECT name, setting, error FROM pg_file_settings WHERE error IS NOT NULL AND name = ANY (string_to_array(%s, ','))"""
_TAKEN = """\
SELECT DISTINCT name FROM pg_file_settings
WHERE sourcefile LIKE '%%/postgresql.auto.conf' AND lower(name) = ANY (string_to_array(%s, ','))"""
_RELOADED = "SELECT pg_conf_load_time()"
_PATIENCE, _LOOK_AGAIN = 5.0, 0.01
"""Seconds. A server that has read its files again announces that to nobody."""


class Settings(Overrides):
    """What ``Overrides`` wants of PostgreSQL."""

    sql: Sql
    layout: config.Layout

    def owned(self, name: str) -> str:
        if not _NAME.fullmatch(name) or name.startswith("include"):
            return "no parameter of the server has such a name"
        if config.is_switch(name):
            return "logs are switched by their own order"
        return "it is a part of what the instance is made of" if config.is_owned(name) else ""

    def settings(self, names: tuple[str, ...]) -> dict[str, str]:
        with self.sql.session() as session:
            return {str(name): str(value) for name, value in session.rows(_VALUES, ",".join(names))}

    def change(self, values: Mapping[str, str | None]) -> None:
        """Raises EngineFailed for what the server will not read; ``ALTER SYSTEM`` of somebody else gives way."""
        names = ",".join(values)
        with self.sql.session() as session:
            for name in session.texts(_TAKEN, ",".join({*values, *self.kept.wanted})):
                session.execute("ALTER SYSTEM RESET %s", Identifier(name))
            if faults := session.rows(_FAULTS, names):
                told = "; ".join(f"{name} = {value!r}: {error}" for name, value, error in faults)
                raise EngineFailed(f"The server does not take every setting: {told}.", "Choose other values.")
            before = session.texts(_RELOADED)
            session.execute("SELECT pg_reload_conf()")
            _await_reload(session, before)


def _await_reload(session: Session, before: list[str]) -> None:
    until = time.monotonic() + _PATIENCE
    while session.texts(_RELOADED) == before:
        if time.monotonic() > until:
            raise DeadlinePassed("The server has not read its configuration again in time.", "Ask again.")
        time.sleep(_LOOK_AGAIN)
