"""MariaDB's manifest: what both sides know of it without asking a server. Tried on MariaDB 10.6 to 11.8."""

from . import mysqlfamily
from .manifest import Manifest

RULES = mysqlfamily.Rules(
    title="MariaDB",
    reserved_users=frozenset({"os_admin", "root", "mariadb.sys", "mysql", "mysql.sys", "public"}),
    longest_user=128,
    files=r"ibdata\d+|ibtmp\d+|ib_logfile\d+|ib_buffer_pool|undo\d{3}|aria_log_control|(mysql|mariadb)_upgrade_info",
)


def check_charset(character_set: str | None, collate: str | None) -> None:
    """Either may be None: the server's default. Raises Invalid for an unknown one, or for two that do not fit."""
    from . import mariadb_collations  # not on instances, where the server itself knows

    mariadb_collations.CHARSETS.check(character_set, collate)


MANIFEST = Manifest(
    name="mariadb",
    versions=("10.6", "10.11", "11.4", "11.8"),
    default_port=3306,
    programs={"mariadbd": "mariadb-server-core", "mariadb-install-db": "mariadb-server-core",
              "my_print_defaults": "mariadb-client-core"},
    capabilities=frozenset({"access", "configuration", "databases", "logs", "root", "users"}),
    users_have_hosts=True,
    reserved_users=RULES.reserved_users,
    reserved_databases=mysqlfamily.RESERVED_DATABASES,
    check_database=RULES.check_database,
    check_user=RULES.check_user,
    check_password=RULES.check_password,
    check_charset=check_charset,
)
