"""Names in SQL. Values are quoted by the driver; identifiers, which it cannot quote, by ``Identifier.sql`` alone."""

import re

from common.datastores import mariadb as rules

_PART = re.compile(r"\\.|.", re.DOTALL)
_WILD = {"%": ".*", "_": "."}


class Identifier:
    """A name that stands in SQL as an identifier. Takes any text that the rules let through."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def sql(self) -> str:
        """Between backticks, where only the backtick is special. Raises ValueError for NUL, which would end the SQL."""
        if "\0" in self.name:
            raise ValueError("an identifier cannot hold NUL")
        return "`" + self.name.replace("`", "``") + "`"


def in_grant(database: str) -> Identifier:
    """The database as GRANT and REVOKE take it: that one alone, though ``_`` and ``%`` are wildcards there."""
    return Identifier(rules.grant_pattern(database))


def granted(pattern: str) -> str | None:
    """The one database that a pattern of ``mysql.db`` opens, None when it has a live wildcard."""
    parts = _PART.findall(pattern)
    return None if any(part in _WILD for part in parts) else "".join(part[-1] for part in parts)


def opens(pattern: str, database: str) -> bool:
    """Whether a pattern of ``mysql.db`` opens a database: ``%`` is any text, ``_`` any character, ``\\`` escapes."""
    expression = "".join(_WILD.get(part) or re.escape(part[-1]) for part in _PART.findall(pattern))
    return re.fullmatch(expression, database, re.DOTALL) is not None
