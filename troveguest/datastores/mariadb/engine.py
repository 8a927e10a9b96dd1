"""MariaDB as an engine: what of it is no data."""

import hashlib

from common.secret import Secret

from ..base import EngineContext
from ..mysqlfamily.access import Account
from ..mysqlfamily.engine import Family
from ..mysqlfamily.programs import Programs
from ..mysqlfamily.sql import Session
from ..server import LOOK
from . import DIALECT, making

_ALL, _VIA, _GRANTING = "GRANT ALL PRIVILEGES ON *.* TO ", " IDENTIFIED VIA ", " WITH GRANT OPTION"
_SOCKET = ("unix_socket", "mysql_native_password USING 'invalid' OR unix_socket")
"""As we make the account, and as mariadb-install-db makes it."""


class MariaDB(Family):
    name = "mariadb"

    def __init__(self, context: EngineContext) -> None:
        super().__init__(DIALECT, context)

    def making(self, found: Programs) -> tuple[str, ...]:
        return making(found, self.layout.config, self.admin, self.layout.data, self.layout.temporary)

    def set_password(self, session: Session, account: Account, password: Secret) -> None:
        session.execute("ALTER USER %s@%s IDENTIFIED VIA mysql_native_password USING %s ACCOUNT UNLOCK", *account,
                        password_hash(password))

    def has_all_rights(self) -> bool:
        grants = str(self.sql.check(LOOK, "SHOW GRANTS"))
        via = grants.partition(_VIA)[2].removesuffix(_GRANTING)
        return grants.startswith(_ALL) and grants.endswith(_GRANTING) and via in _SOCKET


def password_hash(password: Secret) -> str:
    """As ``mysql_native_password`` keeps it: the SHA-1 of the SHA-1, in hexadecimal, behind an asterisk."""
    once = hashlib.sha1(password.reveal().encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()
