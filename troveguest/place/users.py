"""The operating system accounts of an instance: one for the database server, one for the agent."""

import fcntl
import grp
import os
import pwd
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from common.contract.placement import ACCOUNT_IDS, AGENT_ACCOUNT, ENGINE_ACCOUNT
from common.errors import Conflict, HostFailed

from . import commands

K = TypeVar("K")
T = TypeVar("T")

_LOCK = "/run/trove-accounts.lock"
"""Root's alone: what others can open, they can hold for ever."""
_ABSENT = 6
"""What userdel and groupdel exit with when there is no such account."""


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int

    @property
    def owner(self) -> tuple[int, int]:
        return self.uid, self.gid


@dataclass(frozen=True, slots=True)
class Accounts:
    """The same account twice where there is no root to make two of them."""

    engine: Account
    agent: Account

    @property
    def are_apart(self) -> bool:
        return self.engine != self.agent

    def groups(self, account: Account) -> tuple[int, ...]:
        """Ids of all groups that it is in. The agent reads what the server writes."""
        return (account.gid, self.engine.gid) if account == self.agent else (account.gid,)


def names(instance_id: str) -> tuple[str, str]:
    """Of the engine's account and of the agent's; 16 characters, as old tools cut at 32."""
    digits = instance_id.replace("-", "")[:12]
    return ENGINE_ACCOUNT + digits, AGENT_ACCOUNT + digits


def mine() -> Accounts:
    """For an ordinary user: everything is his."""
    entry = _entry(pwd.getpwuid, os.geteuid())
    # containers run programs under bare numbers
    account = Account(entry.pw_name if entry else str(os.geteuid()), os.geteuid(), os.getegid())
    return Accounts(account, account)


def draw(instance_id: str) -> Accounts:
    """Both accounts as they are, or as ``make`` is to make them: their ids are nobody else's from here on. Needs root.

    Raises Conflict when a name is another instance's, HostFailed when there is no id left.
    """
    if found := _find(instance_id):
        return found
    with _account_files() as last:
        return Accounts(*(_account(name) if _is_whole(name, instance_id) else _drawn(name, last)
                          for name in names(instance_id)))


def make(instance_id: str, accounts: Accounts) -> Accounts:
    """Makes what is missing of them, which takes a while. Raises HostFailed."""
    if _find(instance_id) == accounts:
        return accounts
    engine, agent = accounts.engine, accounts.agent
    with _account_files():
        _ensure_account(engine, instance_id)
        _ensure_account(agent, instance_id, "--groups", engine.name)
        if agent.name not in grp.getgrnam(engine.name).gr_mem:
            commands.run(["usermod", "--append", "--groups", engine.name, agent.name])
    if _find(instance_id) != accounts:
        raise HostFailed(f"The accounts {engine.name} and {agent.name} were given other ids than they were to have.",
                         "Place the instance again.")
    return accounts


def ids(instance_id: str) -> tuple[int, ...]:
    """User ids of those accounts that are there, the engine's first."""
    return tuple(entry.pw_uid for name in _present(instance_id) if (entry := _entry(pwd.getpwnam, name)))


def remove(instance_id: str) -> None:
    """Takes both away. Needs root; nothing to do when they are not there."""
    if not _present(instance_id):
        return
    with _account_files():
        for name in reversed(_present(instance_id)):
            _delete(name)


def _find(instance_id: str) -> Accounts | None:
    """The accounts when nothing is missing of them."""
    engine, agent = names(instance_id)
    if not (_is_whole(engine, instance_id) and _is_whole(agent, instance_id)):
        return None
    return Accounts(_account(engine), _account(agent)) if agent in grp.getgrnam(engine).gr_mem else None


def _ensure_account(account: Account, instance_id: str, *more: str) -> None:
    if _is_whole(account.name, instance_id):
        return
    _delete(account.name)
    numbers = [f"SYS_{kind}_{end}={number}" for kind in ("UID", "GID")
               for end, number in (("MIN", ACCOUNT_IDS[0]), ("MAX", ACCOUNT_IDS[-1]))]
    commands.run([
        "useradd", "--system", "--uid", str(account.uid), "--user-group",
        "--no-create-home", "--home-dir", "/nonexistent",
        "--shell", "/usr/sbin/nologin", "--comment", _comment(instance_id),
        *(word for setting in numbers for word in ("-K", setting)), *more, account.name])


def _delete(name: str) -> None:
    if _entry(pwd.getpwnam, name):
        # forced: a process that has ended but is not yet reaped counts as using the account
        commands.run(["userdel", "--force", name], accept=(0, _ABSENT))
    if _entry(grp.getgrnam, name):
        commands.run(["groupdel", name], accept=(0, _ABSENT))


def _is_whole(name: str, instance_id: str) -> bool:
    """Whether the account is there with its group; a useradd that was killed may leave one without the other."""
    user, group = _entry(pwd.getpwnam, name), _entry(grp.getgrnam, name)
    if _is_foreign(name, instance_id):
        raise Conflict(f"The account {name} is not this instance's.", f"Look at {name} in /etc/passwd.")
    return user is not None and group is not None and group.gr_gid == user.pw_gid


def _comment(instance_id: str) -> str:
    return f"Trove instance {instance_id}"


def _account(name: str) -> Account:
    entry = pwd.getpwnam(name)
    return Account(name, entry.pw_uid, entry.pw_gid)


def _drawn(name: str, last: int) -> Account:
    """useradd gives the group of an account the same number while that is free."""
    number = _draw_id(last)
    return Account(name, number, number)


def _present(instance_id: str) -> list[str]:
    """Those of the names that are there and not an account of another instance whose id begins alike."""
    return [name for name in names(instance_id)
            if (_entry(pwd.getpwnam, name) or _entry(grp.getgrnam, name)) and not _is_foreign(name, instance_id)]


def _is_foreign(name: str, instance_id: str) -> bool:
    user = _entry(pwd.getpwnam, name)
    return user is not None and user.pw_gecos != _comment(instance_id)


def _entry(look: Callable[[K], T], key: K) -> T | None:
    """What ``pwd`` or ``grp`` has under a name or number; None when it has nothing."""
    try:
        return look(key)
    except KeyError:
        return None


def _draw_id(last: int) -> int:
    """The next free one after that in the file ``last``, so that none comes back before all others had their turn.

    What a deleted instance's server wrote outside its own directories, /tmp say, would open to whoever has its id.
    """
    begin = int(os.pread(last, 16, 0) or ACCOUNT_IDS[secrets.randbelow(len(ACCOUNT_IDS))]) + 1 - ACCOUNT_IDS[0]
    numbers = (ACCOUNT_IDS[(begin + turn) % len(ACCOUNT_IDS)] for turn in range(len(ACCOUNT_IDS)))
    found = next((each for each in numbers if not (_entry(pwd.getpwuid, each) or _entry(grp.getgrgid, each))), None)
    if found is None:
        raise HostFailed(f"The ids from {ACCOUNT_IDS[0]} to {ACCOUNT_IDS[-1]} are all taken.", "Delete instances.")
    os.pwrite(last, str(found).encode(), 0)
    return found


@contextmanager
def _account_files() -> Iterator[int]:
    """Placings that run side by side change the account files one after the other: useradd itself gives up soon.

    The lock is a file with the id that was given last.
    """
    lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)
