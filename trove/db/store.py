"""Where rows live: SQLite on one machine, PostgreSQL beyond it.

Times in the store are seconds since 1970; ``Store.write`` is one transaction that holds the write lock from its start
(SQLite) or locks what it reads for change (PostgreSQL). No transaction may stay open across a call to the bus, a
provider or DBOS.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event

from common.errors import Internal, Unreachable
from common.secret import Secret

from . import events, migrations
from .encrypted import Vault, key_from
from .schema import seals

_WRITES, _LASTING, _FLEETING = "trove_writes", "FULL", "NORMAL"
"""An execution option; its values are SQLite's words for how far a commit goes: with NORMAL not to the disk."""
_CHECK = "1"
_CHECKED = Secret("the key file and the store belong together")


class Store:
    """One database and the vault for its encrypted columns. Usable from any thread."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self.vault = vault
        self.on_events: Callable[[], None] = _nobody
        """Called after every commit that has left events."""

    @property
    def kind(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent look; nothing is written."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        """One transaction, with the events that are noted in it: all of it or, when the block raises, nothing.

        Not ``lasting``: it outlives this process, but perhaps not the machine's power. That spares it the wait for the
        disk, and suits what is told again soon; no event may be noted in it.
        """
        how = _LASTING if lasting else _FLEETING
        with (self._engine.connect().execution_options(**{_WRITES: how}) as connection, connection.begin(),
              events.collected(connection) as told):
            if not lasting and self.kind == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
            yield connection
        if told:
            self.on_events()

    def close(self) -> None:
        self._engine.dispose()


def open_store(url: str, key_file: Path, alone: migrations.Alone = nullcontext) -> Store:
    """Makes or migrates the tables and checks that ``key_file`` is theirs.

    ``url``: ``sqlite:////path`` or ``postgresql+psycopg://…``. The key file is made (0600) with a new store only.
    ``alone`` is entered while the schema changes. Raises Unreachable, Refused for a key file that is missing or open to
    others, Internal for one of another store, Conflict for a store of a newer release, and what ``alone`` raises.
    """
    engine = _engine(url)
    _require_answer(engine)
    is_new = not sqlalchemy.inspect(engine).has_table(seals.name)
    vault = Vault(key_from(key_file, create=is_new))
    store = Store(engine, vault)
    with store.write() as connection:
        migrations.upgrade(connection, alone)
    with store.write() as connection:
        _check_key(connection, vault)
    return store


def _nobody() -> None:
    """Nobody waits for events."""


def _engine(url: str) -> Engine:
    if sqlalchemy.make_url(url).get_backend_name() == "sqlite":
        engine = sqlalchemy.create_engine(url, pool_size=4, max_overflow=96)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return sqlalchemy.create_engine(url, pool_size=4, max_overflow=32, pool_pre_ping=True)


def _require_answer(engine: Engine) -> None:
    try:
        engine.connect().close()
    except sqlalchemy.exc.OperationalError as error:
        raise Unreachable(f"The store cannot be opened: {str(error.orig).splitlines()[0]}",
                          "Look at its server, and at connection in section [database].") from None


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: _begin_sqlite does
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -512")
    connection.execute("PRAGMA secure_delete = ON")


def _begin_sqlite(connection: Connection) -> None:
    if how := connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql(f"PRAGMA synchronous = {how}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")


def _check_key(connection: Connection, vault: Vault) -> None:
    held = connection.execute(sqlalchemy.select(seals.c.sealed).where(seals.c.id == _CHECK)).scalar_one_or_none()
    if held is None:
        connection.execute(seals.insert().values(id=_CHECK, sealed=vault.seal(seals.c.sealed, _CHECK, _CHECKED)))
    elif vault.open(seals.c.sealed, _CHECK, held) != _CHECKED:
        raise Internal("The store's check of its key holds something else.", "Restore the store from a backup.")
