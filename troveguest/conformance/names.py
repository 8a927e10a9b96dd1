"""Nasty names: each works throughout, or is refused with the rule, and none does anything else."""

from collections.abc import Callable
from functools import partial

from common.contract import types as t
from common.errors import Invalid, Refused, TroveError

from .asking import PASSWORD, accounts, databases, granted, make_databases, make_user
from .subject import Subject

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


def of_databases_work_or_are_refused(subject: Subject) -> None:
    make_databases(subject, "canary")
    make_user(subject, "bob", "canary")
    for name in NASTY:
        if not _goes(partial(make_databases, subject, name)):
            assert databases(subject) == ["canary"], name
            continue
        assert databases(subject) == sorted(["canary", name]), name
        make_databases(subject, name)
        subject.engine.grant_access(t.UserRef(name="bob"), (name,))
        assert granted(subject, "bob") == tuple(sorted(["canary", name])), name
        assert subject.client.can_use("bob", PASSWORD, name), name
        subject.engine.revoke_access(t.UserRef(name="bob"), name)
        assert not subject.client.can_use("bob", PASSWORD, name), name
        subject.engine.delete_database(name)
        assert databases(subject) == ["canary"], name
    assert granted(subject, "bob") == ("canary",)


def of_users_work_or_are_refused(subject: Subject) -> None:
    make_databases(subject, "canary")
    make_user(subject, "canary", "canary")
    for name in NASTY:
        if not _goes(partial(make_user, subject, name, "canary")):
            assert accounts(subject) == [("canary", "%")], name
            continue
        assert accounts(subject) == sorted([("canary", "%"), (name, "%")]), name
        assert subject.client.can_use(name, PASSWORD, "canary"), name
        subject.engine.update_attributes(t.UserRef(name=name), t.UserChanges(name="renamed"))
        subject.engine.update_attributes(t.UserRef(name="renamed"), t.UserChanges(name=name))
        assert granted(subject, name) == ("canary",), name
        subject.engine.delete_user(t.UserRef(name=name))
        assert accounts(subject) == [("canary", "%")], name
    assert subject.client.can_use("canary", PASSWORD, "canary")


def that_no_tenant_can_have_are_simply_not_found(subject: Subject) -> None:
    """Asking for them is no defect of ours either."""
    for name in NASTY:
        for order in (
            partial(subject.engine.delete_database, name),
            partial(subject.engine.get_user, t.UserRef(name=name)),
            partial(subject.engine.delete_user, t.UserRef(name=name)),
        ):
            try:
                order()
            except TroveError as error:
                assert error.code in ("not_found", "invalid", "refused"), (name, error.code, error.message)
            else:
                raise AssertionError(f"{name!r} was there")


def _goes(order: Callable[[], object]) -> bool:
    try:
        order()
    except (Invalid, Refused) as error:
        assert error.message.endswith("."), error.message
        return False
    return True
