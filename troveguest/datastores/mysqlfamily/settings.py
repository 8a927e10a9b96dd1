"""The tenant's settings while the server runs. Names are as the server spells them, with underscores."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..overrides import Overrides
from . import Dialect, config
from .sql import Session, Sql

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?")
_SIZE = re.compile(r"([0-9]+)([KMG])")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


class Settings(Overrides):
    """What ``Overrides`` wants of a server of the family."""

    sql: Sql
    dialect: Dialect
    layout: config.Layout

    def owned(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            return "no parameter of the server has such a name"
        if config.is_switch(name):
            return "logs are switched by their own order"
        return "it is a part of what the instance is made of" if config.is_owned(self.dialect, name) else ""

    def settings(self, names: tuple[str, ...]) -> dict[str, str]:
        with self.sql.session() as session:
            return {name: value.rstrip("0").rstrip(".") if kind == "DOUBLE" else value
                    for name, value, kind in self._told(session, names)}

    def change(self, values: Mapping[str, str | None]) -> None:
        without = config.ours(self.dialect, self.context.memory_mb, self.context.host.stats().total)
        with self.sql.session() as session:
            numbers = {name for name, _, kind in self._told(session, values) if "INT" in kind or kind == "DOUBLE"}
            for name, value in values.items():
                wanted = _plain(without.get(name.replace("_", "-"))) if value is None else value
                if wanted is None or (name in numbers and _NUMBER.fullmatch(wanted)):
                    session.execute(f"SET GLOBAL {name} = {wanted or 'DEFAULT'}")
                else:
                    session.execute(f"SET GLOBAL {name} = %s", wanted)

    def _told(self, session: Session, names: Iterable[str]) -> list[tuple[Any, ...]]:
        """Name, value and type of those that the server knows."""
        asked = ("", *names)
        return session.rows(f"{self.dialect.values} ({', '.join(['%s'] * len(asked))})", *asked)


def _plain(value: str | None) -> str | None:
    """A size in bytes, as the server tells it."""
    size = _SIZE.fullmatch(value or "")
    return str(int(size[1]) * _UNITS[size[2]]) if size else value
