"""The accounts in the server that are not the tenant's, kept as they were made.

A tenant with root can take the agent's own account away. As long as the agent's connection lasts, it has the rights to
make the account anew; once that is lost, the server itself does it at its next start, from a file of statements.
"""

from common.contract import types as t
from common.errors import TroveError

from . import Dialect
from .failures import refused
from .sql import Identifier, Session, Sql


class Upkeep:
    """``shut_out``: whether the server is to give the agent's account back when it starts."""

    sql: Sql
    dialect: Dialect
    admin: str
    shut_out = False

    def has_all_rights(self) -> bool:
        """Whether a new login of the agent's is what it was made. Raises TroveError."""
        raise NotImplementedError

    def tend_accounts(self) -> list[t.Drift]:
        lost = self._is_refused()
        if lost:
            self.shut_out = not self._restored()
            if self.shut_out:
                return [t.Drift(sentence=refused().sentence())]
        self.shut_out = False
        return [_repaired(self.admin)] * lost + self._tend_system()

    def statements(self) -> tuple[str, ...]:
        """By which the agent's account is made anew."""
        return tuple(each.format(account=f"{Identifier(self.admin).sql()}@localhost") for each in self.dialect.admin)

    def _is_refused(self) -> bool:
        """Raises TroveError when the server does not say."""
        try:
            return not self.has_all_rights()
        except TroveError as error:
            if error.message != refused().message:
                raise
            return True

    def _restored(self) -> bool:
        try:
            with self.sql.session() as session:
                _execute(session, self.statements())
        except TroveError:
            return False
        return not self._is_refused()

    def _tend_system(self) -> list[t.Drift]:
        with self.sql.session() as session:
            missing = [name for name in self.dialect.system if not session.rows(self.dialect.has_account, name)]
            for name in missing:
                _execute(session, self.dialect.system[name])
        return [_repaired(name) for name in missing]


def _execute(session: Session, orders: tuple[str, ...]) -> None:
    for order in orders:
        session.execute(order)


def _repaired(account: str) -> t.Drift:
    return t.Drift(repaired=True, sentence=f"The server's account {account} was changed behind our back and has been"
                                           " put right.")
