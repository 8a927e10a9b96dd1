"""The noun database, without the server's own. Order is by code point, as Python sorts.

Each database belongs to a role of its own that cannot log in; its members are the users who have access. So all of them
own what any of them makes in it, none is named in another's database, and nobody else may connect.
"""

import os
from collections.abc import Collection

from common.contract import types as t
from common.datastores import postgresql as rules
from common.errors import Invalid, NotFound

from .names import Identifier
from .sql import Session, Sql, Value

_OWN = ", ".join(f"'{name}'" for name in sorted(rules.RESERVED_DATABASES))
_THERE = f" FROM pg_database d WHERE datallowconn AND lower(datname) NOT IN ({_OWN})"
_PAGE = (
    "SELECT datname, pg_encoding_to_char(encoding), CASE to_jsonb(d) ->> 'datlocprovider'"
    " WHEN 'i' THEN coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') || '-x-icu'"
    f" WHEN 'b' THEN to_jsonb(d) ->> 'datlocale' ELSE datcollate::text END{_THERE}"
)
"""The columns of locales have other names in each version, and are found by them only as JSON."""
_BEHIND = " AND datname > %s::text"
_ORDER = " ORDER BY datname LIMIT "
_STRAY = ("SELECT rolname FROM pg_roles r WHERE rolname LIKE %s AND NOT rolcanlogin"
          " AND NOT EXISTS (SELECT FROM pg_database WHERE datdba = r.oid)")
_HAS_COLLATION = "SELECT collname FROM pg_collation WHERE collname = %s::text AND collencoding IN (-1, 6)"
"""6 is UTF8 (pg_wchar.h), -1 any encoding."""


class Databases:
    """Capability ``databases``."""

    sql: Sql

    def list_databases(self, page: t.PageRequest) -> t.DatabasePage:
        with self.sql.session() as session:
            rows = session.rows(_PAGE + _BEHIND + _ORDER + str(page.limit + 1), page.marker or "")
        found = [t.Database(name=name or "", character_set=charset, collate=collate) for name, charset, collate in rows]
        shown = tuple(found[:page.limit])
        return t.DatabasePage(items=shown, next_marker=shown[-1].name if len(found) > page.limit else None)

    def ensure_databases(self, databases: tuple[t.Database, ...]) -> None:
        """Leaves those that are there as they are. Checks all names before it makes the first."""
        for database in databases:
            rules.check_database(database.name)
            rules.check_charset(database.character_set, database.collate)
        self.sql.require_room()
        with self.sql.session() as session:
            there = existing(session)
            for database in databases:
                if database.name not in there:
                    _create(session, database)
                    there.add(database.name)

    def delete_database(self, name: str) -> None:
        """Cuts its clients, and takes its owner away with all access to it."""
        rules.check_not_reserved_database(name)
        with self.sql.session() as session:
            there = name in existing(session)
            if there:
                session.execute("DROP DATABASE %s WITH (FORCE)", Identifier(name))
            for role in session.texts(_STRAY, _like(rules.OWNERS)):
                session.execute("DROP ROLE %s", Identifier(role))
        if not there:
            raise NotFound(f"There is no database {name!r}.")


def existing(session: Session) -> set[str]:
    """The names of all databases but the server's own and half-made ones."""
    return set(session.texts(f"SELECT datname{_THERE}"))


def require(session: Session, names: Collection[str]) -> None:
    """Raises NotFound naming what is missing; Invalid or Refused for one that no tenant can be given."""
    for name in names:
        rules.check_not_reserved_database(name)
    there = existing(session)
    missing = [name for name in names if name not in there]
    if missing:
        raise NotFound(f"There is no database {', '.join(map(repr, missing))}.", "Create it first.")


def owner(session: Session, database: str) -> str:
    """The role that owns the database; one that belongs to somebody else, made with SQL, gets a role of its own."""
    [(name, is_ours)] = session.rows(
        "SELECT rolname, rolname LIKE %s AND NOT rolcanlogin FROM pg_database d JOIN pg_roles r ON r.oid = datdba"
        " WHERE datname = %s::text", _like(rules.OWNERS), database)
    if name is not None and is_ours == "t":
        return name
    made = rules.OWNERS + os.urandom(8).hex()
    session.execute("CREATE ROLE %s NOLOGIN", Identifier(made))
    session.execute("ALTER DATABASE %s OWNER TO %s", Identifier(database), Identifier(made))
    return made


def _create(session: Session, database: t.Database) -> None:
    """Closed to all until it is as it should be: then it is there."""
    name = Identifier(database.name)
    if not session.texts("SELECT datname FROM pg_database WHERE datname = %s::text", database.name):
        statement, values = _as_wanted(session, database)
        session.execute(f"CREATE DATABASE %s TEMPLATE template0 ALLOW_CONNECTIONS false{statement}", name, *values)
    with session.transaction():
        owner(session, database.name)
        session.execute("REVOKE ALL ON DATABASE %s FROM PUBLIC", name)
        session.execute("ALTER DATABASE %s ALLOW_CONNECTIONS true", name)


def _as_wanted(session: Session, database: t.Database) -> tuple[str, list[Value]]:
    """Clauses and their values; none where the server's defaults are wanted. Raises Invalid."""
    encoding, collate = rules.canonical_encoding(database.character_set), database.collate
    if collate is None:
        collate = rules.DEFAULT_LOCALE if encoding == "UTF8" else "C"
    if (encoding, collate) == ("UTF8", rules.DEFAULT_LOCALE):
        return "", []
    icu = rules.icu_locale(collate)
    if icu is not None and not session.texts(_HAS_COLLATION, collate):
        raise Invalid(f"The server has no collation {collate!r}.", "Choose C.UTF-8, or leave it out.")
    clauses, values = " ENCODING %s", [encoding]
    if icu is not None:
        clauses += " LOCALE_PROVIDER icu ICU_LOCALE %s"
        values.append(icu)
    elif has_providers(session):
        clauses += " LOCALE_PROVIDER libc"
    locale = rules.DEFAULT_LOCALE if icu is not None else collate
    return f"{clauses} LC_COLLATE %s LC_CTYPE %s", [*values, locale, locale]


def has_providers(session: Session) -> bool:
    """From version 15 on."""
    return session.texts("SELECT current_setting('server_version_num')::int >= 150000") == ["t"]


def _like(beginning: str) -> str:
    return beginning.replace("_", "\\_") + "%"
