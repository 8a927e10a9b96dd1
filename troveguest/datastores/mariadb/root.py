"""The superuser for the tenant: ``root`` from any address. The account at localhost is the server's own and stays."""

import os
from base64 import urlsafe_b64encode

from common.contract import types as t
from common.datastores import mariadb as rules
from common.secret import Secret

from . import access
from .accounts import set_password
from .sql import Session, Sql

NAME = "root"
RANDOM_BYTES = 27
"""Give 36 characters in base64: upstream's ``default_password_length``."""

_HOSTS = "SELECT Host FROM mysql.global_priv WHERE User = %s AND Host <> 'localhost'"
_OPEN = " AND COALESCE(JSON_VALUE(Priv, '$.account_locked'), '0') IN ('0', 'false')"


class Root:
    """Capability ``root``."""

    sql: Sql

    def enable_root(self, password: Secret | None) -> t.RootCredential:
        """Whoever has it can do anything in this server, and read what the server's operating system user can."""
        chosen = _random() if password is None else password
        rules.check_password(chosen.reveal())
        self.sql.require_room()
        with self.sql.session() as session:
            session.execute("CREATE USER IF NOT EXISTS %s@'%%' ACCOUNT LOCK", NAME)
            session.execute("GRANT ALL PRIVILEGES ON *.* TO %s@'%%' WITH GRANT OPTION", NAME)
            set_password(session, (NAME, "%"), chosen)
        return t.RootCredential(name=NAME, password=chosen)

    def disable_root(self) -> None:
        """Locks the account under a random password and cuts its clients. It is not dropped, since what it defined
        (views, routines, triggers) runs in its name."""
        with self.sql.session() as session:
            for host in _open_hosts(session):
                set_password(session, (NAME, host), _random())
                session.execute("ALTER USER %s@%s ACCOUNT LOCK", NAME, host)
            access.end_sessions(session, NAME)

    def is_root_enabled(self) -> bool:
        with self.sql.session() as session:
            return bool(_open_hosts(session))


def _open_hosts(session: Session) -> list[str]:
    return [host for (host,) in session.rows(_HOSTS + _OPEN, NAME)]


def _random() -> Secret:
    return Secret(urlsafe_b64encode(os.urandom(RANDOM_BYTES)).decode())
