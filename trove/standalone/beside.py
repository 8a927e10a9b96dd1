"""A task manager beside standalone: a process of its own that shares the flows, and takes them over when it must.

It runs a conductor as well, since a flow waits for what its guest reports. The broker is the control plane's to start
and to look after.
"""

import contextlib
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator

import sqlalchemy
from oslo_config import cfg

from common.errors import Conflict, Invalid, Refused, Unreachable, Unsupported
from common.openstack import log
from trove import config
from trove.bus.bell import Bell
from trove.metrics.figures import Figures

from . import brokers, processes
from .foundation import Foundation
from .service import EXECUTOR
from .state import State

LOG = log.get(__name__)

NAME = re.compile(r"[A-Za-z0-9._-]{1,48}")

LOST = 1
"""The exit code of one whose flows a peer has taken over: whoever looks after it is to start it again."""


@contextlib.contextmanager
def serving(state: State, name: str) -> Iterator[threading.Event]:
    """What it gives is set by SIGTERM, SIGINT, and the loss of its flows to a peer. Behind the block this process ends.

    Raises TroveError when it cannot start.
    """
    check_name(name)
    processes.leave_no_core()
    if not state.key.exists():
        raise Refused(f"No control plane has been started in {state.root}.", "Start it first: trovectl up.")
    conf = config.load([state.configuration])
    require_shared(conf)
    log.setup(debug=conf.log_level == "debug", as_json=conf.log_format == "json")
    ended, lost = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())

    def lose() -> None:
        lost.set()
        ended.set()

    with state.joined(), contextlib.ExitStack() as running:
        _start(state, conf, name, lose, running)
        LOG.info("The task manager works.", name=name)
        yield ended
        LOG.info("The task manager ends.", name=name)
    # not by way of the interpreter, which would wait for steps that hang
    os._exit(LOST if lost.is_set() else 0)


def check_name(name: str) -> None:
    """Raises Invalid."""
    if NAME.fullmatch(name) is None:
        raise Invalid(f"A task manager cannot be called {name[:64]!r}.",
                      "Use at most 48 letters, digits, dots, dashes and underscores.")
    if name == EXECUTOR:
        raise Invalid(f"{EXECUTOR} is the name of the control plane's own task manager.", "Choose another name.")


def require_shared(conf: cfg.ConfigOpts) -> None:
    """Raises Unsupported for stores that belong to one process."""
    for section in ("database", "flows"):
        url = conf[section].connection
        if not url or sqlalchemy.make_url(url).get_backend_name() != "postgresql":
            raise Unsupported("Several task managers need PostgreSQL: SQLite is for one process.",
                              f"Set connection in section [{section}] to postgresql+psycopg://….")


def _start(state: State, conf: cfg.ConfigOpts, name: str, lose: Callable[[], None],
           running: contextlib.ExitStack) -> None:
    foundation = Foundation(state, conf, Figures(), running)
    store = foundation.open_store(_not_ours)
    try:
        bound = foundation.join_bus(store, brokers.find(conf, state))
    except Unreachable as error:
        raise Unreachable(error.message, "Start the control plane, which starts the broker: trovectl up.") from error
    foundation.start_bell(store, bound, Bell())
    foundation.start_conductor(store, bound)
    foundation.start_manager(foundation.services(store, bound, foundation.transport()), name, lose)


@contextlib.contextmanager
def _not_ours() -> Iterator[None]:
    """The control plane brings the store up to its release, alone."""
    raise Conflict("The store is of an older release than this program.",
                   "Start the control plane of this release first: trovectl up.")
    yield
