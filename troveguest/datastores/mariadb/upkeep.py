"""The accounts in the server that are not the tenant's, kept as they were made.

A tenant with root can take the agent's own account away. As long as the agent's connection lasts, it has the rights to
make the account anew; once that is lost, the server itself does it at its next start, from a file of statements.
"""

from common.contract import types as t
from common.errors import TroveError

from ..server import LOOK
from .failures import refused
from .names import Identifier
from .sql import Session, Sql

_ALL, _VIA, _GRANTING = "GRANT ALL PRIVILEGES ON *.* TO ", " IDENTIFIED VIA ", " WITH GRANT OPTION"
_SOCKET = ("unix_socket", "mysql_native_password USING 'invalid' OR unix_socket")
"""As we make the account, and as mariadb-install-db makes it."""
_OWN = (
    "CREATE OR REPLACE USER {account} IDENTIFIED VIA unix_socket",
    "GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION",
)
_HAS_SYSTEM = "SELECT 1 FROM mysql.global_priv WHERE User = 'mariadb.sys' AND Host = 'localhost'"
_SYSTEM = (
    "CREATE USER IF NOT EXISTS 'mariadb.sys'@localhost ACCOUNT LOCK PASSWORD EXPIRE",
    "GRANT SELECT, DELETE ON mysql.global_priv TO 'mariadb.sys'@localhost",
)
"""The account in whose name the server's view ``mysql.user`` runs, as mariadb-install-db makes it."""


class Upkeep:
    """``shut_out``: whether the server is to give the agent's account back when it starts."""

    sql: Sql
    admin: str
    shut_out = False

    def tend_accounts(self) -> list[t.Drift]:
        lost = self._is_refused()
        if lost:
            self.shut_out = not self._restored()
            if self.shut_out:
                return [t.Drift(sentence=refused().sentence())]
        self.shut_out = False
        return [_repaired(self.admin)] * lost + self._tend_system()

    def _is_refused(self) -> bool:
        """Whether a new login has not all of its rights. Raises TroveError when the server does not say."""
        try:
            return not _is_whole(self.sql.check(LOOK, "SHOW GRANTS"))
        except TroveError as error:
            if error.message != refused().message:
                raise
            return True

    def _restored(self) -> bool:
        try:
            with self.sql.session() as session:
                _execute(session, statements(self.admin))
        except TroveError:
            return False
        return not self._is_refused()

    def _tend_system(self) -> list[t.Drift]:
        with self.sql.session() as session:
            if session.rows(_HAS_SYSTEM):
                return []
            _execute(session, _SYSTEM)
        return [_repaired("mariadb.sys")]


def statements(admin: str) -> tuple[str, ...]:
    """By which the account ``admin`` is made anew, for the operating system account of that name."""
    return tuple(each.format(account=f"{Identifier(admin).sql()}@localhost") for each in _OWN)


def _execute(session: Session, orders: tuple[str, ...]) -> None:
    for order in orders:
        session.execute(order)


def _is_whole(grants: str) -> bool:
    via = grants.partition(_VIA)[2].removesuffix(_GRANTING)
    return grants.startswith(_ALL) and grants.endswith(_GRANTING) and via in _SOCKET


def _repaired(account: str) -> t.Drift:
    return t.Drift(repaired=True, sentence=f"The server's account {account} was changed behind our back and has been"
                                           " put right.")
