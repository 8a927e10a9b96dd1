"""MySQL's manifest: what both sides know of it without asking a server. Tried on MySQL 9.7."""

from . import mysqlfamily
from .manifest import Manifest

RULES = mysqlfamily.Rules(
    title="MySQL",
    reserved_users=frozenset({"os_admin", "root", "mysql", "mysql.infoschema", "mysql.session", "mysql.sys"}),
    longest_user=32,
    longest_password=256,
    drops_first_blank=True,
    files=r"ibdata\d+|ibtmp\d+|ib_logfile\d+|ib_buffer_pool|undo_\d{3}|mysql_upgrade_(info|history)",
)


def check_charset(character_set: str | None, collate: str | None) -> None:
    """Either may be None: the server's default. Raises Invalid for an unknown one, or for two that do not fit."""
    from . import mysql_collations  # not on instances, where the server itself knows

    mysql_collations.CHARSETS.check(character_set, collate)


MANIFEST = Manifest(
    name="mysql",
    versions=("8.0", "8.4", "9.7"),
    default_port=3306,
    programs={"mysqld": "mysql-server-core"},
    capabilities=frozenset({"access", "configuration", "databases", "logs", "root", "users"}),
    users_have_hosts=True,
    reserved_users=RULES.reserved_users,
    reserved_databases=mysqlfamily.RESERVED_DATABASES,
    check_database=RULES.check_database,
    check_user=RULES.check_user,
    check_password=RULES.check_password,
    check_charset=check_charset,
)
