"""The agent's own role in the server, kept as it was made.

A tenant with root cannot drop it, but rename, lock or weaken it. As long as it can log in with all rights, the agent
puts the rest right; once it cannot, a server without clients does, before the real one starts the next time.
"""

from common.contract import types as t
from common.errors import TroveError

from ..server import LOOK
from .failures import refused
from .names import Identifier
from .programs import ROLE
from .sql import Sql

_QUESTION = (
    "SELECT CASE WHEN oid <> 10 OR rolname <> 'postgres' OR NOT rolsuper THEN 'lost' WHEN rolcanlogin AND rolinherit"
    " AND rolcreaterole AND rolcreatedb AND rolreplication AND rolbypassrls AND NOT EXISTS (SELECT FROM"
    " pg_db_role_setting WHERE setrole = 10) THEN 'whole' ELSE 'changed' END FROM pg_roles WHERE rolname = session_user"
)


class Upkeep:
    """``shut_out``: whether the role is to be given back before the server starts."""

    sql: Sql
    shut_out = False

    def tend_role(self) -> list[t.Drift]:
        found = self._look_at_role()
        self.shut_out = found == "lost"
        if found == "lost":
            return [t.Drift(sentence=refused().sentence())]
        if found == "whole":
            return []
        with self.sql.session() as session:
            session.execute("ALTER ROLE %s LOGIN INHERIT CREATEROLE CREATEDB REPLICATION BYPASSRLS", Identifier(ROLE))
            session.execute("DELETE FROM pg_db_role_setting WHERE setrole = 10")
        return [t.Drift(repaired=True, sentence=f"The server's account {ROLE} was changed behind our back and has been"
                                                " put right.")]

    def _look_at_role(self) -> str:
        """``whole``, ``changed`` or ``lost``. Raises TroveError when the server does not say."""
        try:
            return self.sql.check(LOOK, _QUESTION) or "lost"
        except TroveError as error:
            if error.message != refused().message:
                raise
            return "lost"
