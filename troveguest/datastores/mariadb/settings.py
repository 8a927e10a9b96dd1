"""The tenant's settings while the server runs. Names are as the server spells them, with underscores."""

import re
from collections.abc import Mapping

from ..overrides import Overrides
from . import config
from .sql import Sql

_VALUES = "SELECT LOWER(VARIABLE_NAME), GLOBAL_VALUE FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME IN "
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SIZE = re.compile(r"([0-9]+)([KMG])")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


class Settings(Overrides):
    """What ``Overrides`` wants of MariaDB."""

    sql: Sql
    layout: config.Layout

    def owned(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            return "no parameter of the server has such a name"
        return "it is a part of what the instance is made of" if name in config.OWNED else ""

    def settings(self, names: tuple[str, ...]) -> dict[str, str]:
        known = [name for name in names if _NAME.fullmatch(name)]
        if not known:
            return {}
        with self.sql.session() as session:
            rows = session.rows(f"{_VALUES}({', '.join(['%s'] * len(known))})", *known)
        return {name: value for name, value in rows if value is not None}

    def change(self, values: Mapping[str, str | None]) -> None:
        without = config.ours(self.context.memory_mb, self.context.host.stats().total)
        with self.sql.session() as session:
            for name, value in values.items():
                wanted = _plain(without.get(name.replace("_", "-"))) if value is None else value
                literal = "DEFAULT" if wanted is None else wanted if _NUMBER.fullmatch(wanted) else "%s"
                session.execute(f"SET GLOBAL {name} = {literal}", *([wanted] if literal == "%s" else ()))


def _plain(value: str | None) -> str | None:
    """A size in bytes, as the server tells it."""
    size = _SIZE.fullmatch(value or "")
    return str(int(size[1]) * _UNITS[size[2]]) if size else value
