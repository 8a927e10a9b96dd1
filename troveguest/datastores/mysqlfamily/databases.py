"""The noun database, without the server's own. Order is by code point, as Python sorts."""

from collections.abc import Collection

from common.contract import types as t
from common.datastores.mysqlfamily import RESERVED_DATABASES, Rules
from common.errors import NotFound

from . import Dialect, access
from .sql import Identifier, Session, Sql, Value

_PAGE = (
    "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata"
    " WHERE BINARY schema_name > BINARY %s ORDER BY BINARY schema_name LIMIT %s"
)


class Databases:
    """Capability ``databases``."""

    sql: Sql
    dialect: Dialect

    def list_databases(self, page: t.PageRequest) -> t.DatabasePage:
        with self.sql.session() as session:
            rows = session.rows(_PAGE, page.marker or "", page.limit + 1 + len(RESERVED_DATABASES))
        found = [t.Database(name=name, character_set=charset, collate=collation)
                 for name, charset, collation in rows if name.casefold() not in RESERVED_DATABASES]
        shown = tuple(found[:page.limit])
        return t.DatabasePage(items=shown, next_marker=shown[-1].name if len(found) > page.limit else None)

    def ensure_databases(self, databases: tuple[t.Database, ...]) -> None:
        """Leaves those that are there as they are. Checks all names before it makes the first; the server knows which
        character sets it has."""
        for database in databases:
            self.dialect.rules.check_database(database.name)
        self.sql.require_room()
        with self.sql.session() as session:
            there = existing(session)
            for database in databases:
                if database.name not in there:
                    _create(session, database)
                    there.add(database.name)

    def delete_database(self, name: str) -> None:
        """Takes the grants on it away as well: else the next database of that name would be open to the old users."""
        self.dialect.rules.check_not_reserved_database(name)
        with self.sql.session() as session:
            there = name in existing(session)
            if there:
                session.execute("DROP DATABASE %s", Identifier(name))
            access.forget(session, name)
        if not there:
            raise NotFound(f"There is no database {name!r}.")


def existing(session: Session) -> set[str]:
    """The names of all databases, the server's own among them."""
    return {name for (name,) in session.rows("SELECT schema_name FROM information_schema.schemata")}


def require(session: Session, rules: Rules, names: Collection[str]) -> None:
    """Raises NotFound naming what is missing; Invalid or Refused for one that no tenant can be given."""
    there = existing(session)
    missing = [name for name in names if name not in there]
    if missing:
        raise NotFound(f"There is no database {', '.join(map(repr, missing))}.", "Create it first.")
    for name in names:
        rules.check_database(name)


def _create(session: Session, database: t.Database) -> None:
    statement = "CREATE DATABASE %s"
    values: list[Value] = [Identifier(database.name)]
    for clause, value in (("CHARACTER SET", database.character_set), ("COLLATE", database.collate)):
        if value is not None:
            statement += f" {clause} %s"
            values.append(value)
    session.execute(statement, *values)
