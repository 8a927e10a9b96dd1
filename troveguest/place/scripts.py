"""The scripts that runit runs: they drop root, its environment and its limits, and become the program."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from ..host.layout import Layout
from . import commands
from .limits import Limits
from .users import Account, Accounts

PYTHON = "/usr/bin/python3 -IS"
OPEN_FILES = 65536


def agent(layout: Layout, accounts: Accounts) -> str:
    """One arena for all of its threads: they are few and idle, and each arena more keeps pages of its own."""
    program = f"{PYTHON} {_word(layout.starter)} {_word(layout.links)} run --config-dir {_word(layout.config)}"
    become = _become(layout, accounts, accounts.agent, MALLOC_ARENA_MAX="1")
    return _script("exec 2>&1", "umask 027", f"exec {become} {program}")


def log_keeper(layout: Layout, name: str, accounts: Accounts) -> str:
    """svlogd keeps ten files of 1 MB. The engine's user may not write them, so that it cannot fill the host's disk."""
    directory = _word(layout.log / name)
    return _script(f"exec {_become(layout, accounts, accounts.agent)} {commands.find('svlogd')} {directory}")


def database(layout: Layout, accounts: Accounts, limits: Limits) -> str:
    words = " ".join(map(_word, (
        launcher(layout), layout.command, layout.database_process)))
    become = _become(layout, accounts, accounts.engine)
    return _script("exec 2>&1", *_confined(limits), f"exec {_within(limits)}{become} {PYTHON} {words}")


def job(layout: Layout, accounts: Accounts, limits: Limits) -> str:
    words = f"{_word(runner(layout))} {_word(layout.home)}"
    become = _become(layout, accounts, accounts.engine)
    return _script(*_confined(limits), f"exec {_within(limits)}{become} {PYTHON} {words}")


def job_finish(layout: Layout, accounts: Accounts) -> str:
    """Runs after each runner; one that ended by itself has left nothing to clean up."""
    words = f"{_word(runner(layout))} {_word(layout.home)} bury"
    return _script('[ "$1" != 0 ] || exit 0', f"exec {_become(layout, accounts, accounts.engine)} {PYTHON} {words}")


def supervisor(layout: Layout, leave: Iterable[Path]) -> str:
    """The last words of runsv show up as the end of runsvdir's command line, which grows no further."""
    groups = (f"{{ echo $$ > {_word(procs)}; }} 2>/dev/null" for procs in leave)
    words = f"-P {_word(layout.services)} 'log: {'.' * 400}'"
    return _script("exec </dev/null >/dev/null 2>&1", *groups, f"exec {commands.find('runsvdir')} {words}")


def launcher(layout: Layout) -> Path:
    return layout.services / "launcher.py"


def runner(layout: Layout) -> Path:
    return layout.services / "runner.py"


def _become(layout: Layout, accounts: Accounts, account: Account, **more: str) -> str:
    """A prefix that gives a program its account and an environment of its own, with ``more`` in it."""
    environment = {**commands.ENVIRONMENT, "LOGNAME": account.name, "TROVE_HOME": str(layout.home), **more}
    words = [commands.find("env"), "-i", *(f"{name}={value}" for name, value in environment.items())]
    if accounts.are_apart:
        words += [commands.find("setpriv"), f"--reuid={account.uid}", f"--regid={account.gid}",
                  f"--groups={','.join(map(str, accounts.groups(account)))}", "--no-new-privs", "--inh-caps=-all", "--"]
    return shlex.join(words)


def _confined(limits: Limits) -> list[str]:
    """Joins the control groups, or does not start: a server without its limits would be a surprise later."""
    joins = [f"echo $$ > {_word(procs)} || exit 111" for procs in limits.joins]
    return [f"ulimit -n {OPEN_FILES} 2>/dev/null || ulimit -n $(ulimit -Hn)", *joins]


def _within(limits: Limits) -> str:
    """A prefix that has a program join its limits while it starts, or not start."""
    return "".join(f"{shlex.quote(word)} " for word in limits.within)


def _script(*lines: str) -> str:
    """No core is left by anything that has keys, or somebody's data."""
    return "\n".join(("#!/bin/sh", "# Written by trove-guestagent place.", "ulimit -c 0", *lines)) + "\n"


def _word(path: Path) -> str:
    return shlex.quote(str(path))
