"""MySQL as an engine: what of it is no data."""

from common.secret import Secret

from ..base import EngineContext
from ..mysqlfamily.access import Account
from ..mysqlfamily.engine import Family
from ..mysqlfamily.programs import Programs
from ..mysqlfamily.sql import Session
from ..server import LOOK
from . import DIALECT, making

_RIGHTS = """\
Select_priv, Insert_priv, Update_priv, Delete_priv, Create_priv, Drop_priv, Reload_priv, Shutdown_priv, Process_priv,
File_priv, Grant_priv, References_priv, Index_priv, Alter_priv, Show_db_priv, Super_priv, Create_tmp_table_priv,
Lock_tables_priv, Execute_priv, Repl_slave_priv, Repl_client_priv, Create_view_priv, Show_view_priv,
Create_routine_priv, Alter_routine_priv, Create_user_priv, Event_priv, Trigger_priv, Create_tablespace_priv,
Create_role_priv, Drop_role_priv"""
_DYNAMIC = ("CONNECTION_ADMIN", "ROLE_ADMIN", "SESSION_VARIABLES_ADMIN", "SYSTEM_USER", "SYSTEM_VARIABLES_ADMIN")
"""What the agent stands on of those rights that are no columns."""
_IS_WHOLE = f"""\
SELECT plugin = 'auth_socket' AND authentication_string = '' AND account_locked = 'N' AND User_attributes IS NULL
       AND max_questions + max_updates + max_connections + max_user_connections = 0 AND ssl_type = ''
       AND 'N' NOT IN ({_RIGHTS})
       AND (SELECT COUNT(*) FROM mysql.global_grants g WHERE g.USER = u.User AND g.HOST = u.Host
            AND g.WITH_GRANT_OPTION = 'Y' AND g.PRIV IN {_DYNAMIC}) = {len(_DYNAMIC)}
FROM mysql.user u WHERE CONCAT(u.User, '@', u.Host) = CURRENT_USER()"""  # noqa: S608 - of words above alone


class MySQL(Family):
    name = "mysql"
    begins_without_account = True

    def __init__(self, context: EngineContext) -> None:
        super().__init__(DIALECT, context)

    def making(self, found: Programs) -> tuple[str, ...]:
        return making(found, self.layout.config, self.layout.data, self.layout.temporary)

    def set_password(self, session: Session, account: Account, password: Secret) -> None:
        """The server's logs have such statements without the password."""
        session.execute("ALTER USER %s@%s IDENTIFIED WITH caching_sha2_password BY %s ACCOUNT UNLOCK", *account,
                        password.reveal())

    def has_all_rights(self) -> bool:
        return bool(self.sql.check(LOOK, _IS_WHOLE))
