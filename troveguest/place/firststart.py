"""A new server, begun with its place: by its engine, in a process of the agent's user, while the agent itself begins.

Nobody depends on it: the agent's order to prepare the server finds it under way, or makes it.
"""

import os
import signal
import socket
import threading
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from common.contract.types import Prepare
from common.errors import TroveError

from ..host.layout import Layout
from . import commands
from .users import Accounts

_PATIENCE = 120
"""Seconds. What is not done by then goes on, and is the agent's to wait for."""
_SAYING = 2000


class FirstStart:
    """The process. It loads what it needs at once, waits for ``go``, and dies with whoever made it."""

    def __init__(self, layout: Layout, accounts: Accounts, datastore: str) -> None:
        self._ours, theirs = socket.socketpair()
        self._process = os.fork()
        if self._process == 0:
            _live(theirs, layout, accounts, datastore)
        theirs.close()

    def go(self) -> None:
        """The place is whole."""
        with suppress(BrokenPipeError):  # it has said already why it is none
            self._ours.send(b"!")

    def end(self) -> str:
        """Waits until the server was told to start; why it was not."""
        said = self._ours.recv(_SAYING, socket.MSG_WAITALL).decode(errors="replace")
        self.give_up()
        return said

    def give_up(self) -> None:
        self._ours.close()
        os.waitpid(self._process, 0)


def _live(word: socket.socket, layout: Layout, accounts: Accounts, datastore: str) -> NoReturn:
    """The rest of a process's life."""
    try:
        _become(accounts, layout, word.fileno())
        from .. import config, datastores
        from ..host.runit import RunitHost

        import_module(f"{datastores.__name__}.{datastore}.engine")
        if word.recv(1):
            threading.Thread(target=_die_with, args=(word,), daemon=True).start()
            signal.alarm(_PATIENCE)
            host = RunitHost(layout.home)
            options, _ = config.load([], [layout.config])
            datastores.configured(options.default, host).initialise(Prepare(memory_mb=options.default.memory_mb))
            host.start_database()
    except TroveError as error:
        word.send(error.sentence().encode()[:_SAYING])
    except Exception as error:  # noqa: BLE001 (the agent meets it again, and says it with its trace)
        word.send(f"{type(error).__name__}: {error}".encode()[:_SAYING])
    finally:
        os._exit(0)


def _die_with(word: socket.socket) -> None:
    word.recv(1)
    os._exit(1)


def _become(accounts: Accounts, layout: Layout, word: int) -> None:
    """The agent's user, with nothing of root's but the way to it, where all that is the instance's is found."""
    os.setsid()
    os.chdir(layout.home)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    os.closerange(3, word)
    os.closerange(word + 1, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(commands.ENVIRONMENT, LOGNAME=accounts.agent.name, TROVE_HOME=str(layout.home))
    os.umask(0o027)
    if commands.is_root():
        agent = accounts.agent
        os.setgroups(accounts.groups(agent))
        os.setresgid(agent.gid, agent.gid, agent.gid)
        os.setresuid(agent.uid, agent.uid, agent.uid)
