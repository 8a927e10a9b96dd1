"""The superuser for the tenant: ``root``, from any address. The first one, ``postgres``, is the agent's and stays."""

import os
from base64 import urlsafe_b64encode

from common.contract import types as t
from common.datastores import postgresql as rules
from common.secret import Secret

from . import access, scram
from .names import Identifier
from .sql import Session, Sql

NAME = "root"
RANDOM_BYTES = 27
"""Give 36 characters in base64: upstream's ``default_password_length``."""

_IS_OPEN = "SELECT rolname FROM pg_roles WHERE rolname = %s AND rolcanlogin"
_IS_THERE = "SELECT rolname FROM pg_roles WHERE rolname = %s"


class Root:
    """Capability ``root``."""

    sql: Sql

    def enable_root(self, password: Secret | None) -> t.RootCredential:
        """Whoever has it can do anything in this server, and run programs as the server's operating system user."""
        chosen = Secret(urlsafe_b64encode(os.urandom(RANDOM_BYTES)).decode()) if password is None else password
        rules.check_password(chosen.reveal())
        self.sql.require_room()
        with self.sql.session() as session:
            verb = "ALTER" if session.texts(_IS_THERE, NAME) else "CREATE"
            session.execute(f"{verb} ROLE %s SUPERUSER LOGIN CONNECTION LIMIT -1 VALID UNTIL 'infinity' PASSWORD %s",
                            Identifier(NAME), scram.verifier(chosen))
        return t.RootCredential(name=NAME, password=chosen)

    def disable_root(self) -> None:
        """Takes password and rights from the role and cuts its clients. It is not dropped, since what it made runs in
        its name, and from here on without a superuser's rights."""
        with self.sql.session() as session:
            if session.texts(_IS_THERE, NAME):
                session.execute("ALTER ROLE %s NOSUPERUSER NOLOGIN PASSWORD NULL", Identifier(NAME))
            access.end_sessions(session, NAME)

    def is_root_enabled(self) -> bool:
        with self.sql.session() as session:
            return _is_open(session)


def _is_open(session: Session) -> bool:
    return bool(session.texts(_IS_OPEN, NAME))
