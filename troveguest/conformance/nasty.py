"""Names that look like something else, and whether an order takes one."""

from collections.abc import Callable

from common.errors import Invalid, Refused

NASTY = (
    "'", '"', "`", "``", "a`b", "a'b", 'a"b', "\\", "a\\", "a\\'b", "\\`", "%", "%s", "%%", "_", "__", "a%b_c", "{}",
    "{0}", "/", "a/b", "../../etc", ".", "..", "a.b", "...", " a", "a ", "a b", "-", "--", "--a", "#", "#a", "/*a*/",
    ";", "$a", "@", "a@b", "@@version", "a:b", "a,b", "a|b", "a&b", "a=b", "a?b", "~", "!", "(", "a\tb", "a\n",
    "\x00", "a\x00b", "\x7f", "\x1b[31m", "é", "ß", "Ü" * 64, "数据库", "中" * 51, "中" * 52, "中" * 64, "ж" * 64,
    "א" * 60, "\u00a0", "a\u3000", "\u200b", "\u202ea", "\ufeff", "😀", "a😀b", "x" * 63, "x" * 64, "x" * 65, "x" * 128,
    "x" * 129, "-" * 51, "-" * 52, "_" * 32, "_" * 33, "%" * 64, "", "select", "table", "database", "null", "NULL",
    "user", "public", "none", "current_user", "default", "all", "1", "0x1", "1e5", "true", "con", "lost+found", "tmp",
    "ibdata1", "ib_logfile0", "undo001", "#mysql50#a", "#sql-1", "mysql", "MySQL", "sys", "information_schema",
    "INFORMATION_SCHEMA", "root", "Root", "mariadb.sys", "os_admin", "'; DROP DATABASE canary; --",
    "`; DROP DATABASE canary; --", "a'; DROP USER canary; --", "x` CHARACTER SET latin1 -- ", "' OR '1'='1",
    "x'@'%' IDENTIFIED BY 'y", "x`.* TO `canary`@`%` -- ",
    '"; DROP DATABASE canary; --', '"; DROP ROLE canary; --', "x' IN ROLE postgres; --", "a=b", "dbname=canary", "$1",
    "$$", "pg_a", "PG_A", "template1", "trove_owner_a", "session_user", "é" * 31, "é" * 32,
)  # fmt: skip


def goes(order: Callable[[], object]) -> bool:
    try:
        order()
    except (Invalid, Refused) as error:
        assert error.message.endswith("."), error.message
        return False
    return True
