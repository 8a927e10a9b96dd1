"""Stopping an installation, and taking it away."""

import contextlib
import shutil
from collections.abc import Callable

from oslo_config import cfg

from common.errors import HostFailed, TroveError, Unreachable
from trove import config
from trove.db import hosts, instances
from trove.db.hosts import Register
from trove.db.store import Store, open_store
from trove.domain.hosts import HostState
from trove.providers.base import Provider
from trove.standalone import brokers, places
from trove.standalone.state import State

from . import launch

Tell = Callable[[str], None]
Estate = tuple[Provider, str | None, frozenset[str]]
"""A provider, one of its hosts, and the ids of the instances there."""


def halt(state: State, tell: Tell) -> None:
    """Ends control plane and broker. Agents and databases go on. Raises DeadlinePassed."""
    tell("Stops the control plane.")
    launch.stop(state)
    tell("Stops the message broker.")
    stop_broker(state)


def stop_broker(state: State) -> None:
    """The private one; a foreign one is not ours to stop."""
    brokers.private_node(state).stop()


def destroy(state: State, tell: Tell) -> list[str]:
    """Ends and deletes everything of the installation: databases with their data, broker, directory.

    The names of what somebody else put into the directory: that stays, and so does the directory then. Asked again
    after a failure, it goes on. Raises HostFailed and DeadlinePassed, and Unreachable for a host with instances on it:
    nothing is deleted then.
    """
    tell("Stops the control plane.")
    launch.stop(state)
    conf = config.load([state.configuration])
    with state.held(), state.alone(), contextlib.ExitStack() as running:
        elsewhere = _on_hosts(state, conf, tell, running)
        local = places.here(conf, state)
        for provider, host, ids in (*elsewhere, (local, None, local.placed(None))):
            for instance_id in sorted(ids):
                tell(f"Deletes the instance {instance_id}.")
                provider.unplace(instance_id, host)
        tell("Stops the message broker.")
        stop_broker(state)
        return _remove(state)


def _on_hosts(state: State, conf: cfg.ConfigOpts, tell: Tell, running: contextlib.ExitStack) -> list[Estate]:
    """What this installation has on registered hosts, each of which may carry instances of others, too."""
    if not (state.key.exists() and (state.store.exists() or conf.database.connection)):
        return []
    try:
        store = open_store(conf.database.connection or state.sqlite(state.store), state.key)
    except TroveError as error:
        tell(f"Instances on registered hosts, if there are any, stay: {error.sentence()}")
        return []
    running.callback(store.close)
    transport = running.enter_context(contextlib.closing(places.transport(conf, state)))
    provider = places.elsewhere(conf, state, Register(store), transport)
    return [(provider, host.name, _own(store, provider, host.name, tell)) for host in Register(store).all()
            if host.state is not HostState.LOST]


def _own(store: Store, provider: Provider, host: str, tell: Tell) -> frozenset[str]:
    """Ids of those among its instances that this installation knows."""
    with store.read() as connection:
        standing = hosts.standing(connection, host)
    try:
        placed = provider.placed(host)
    except Unreachable as error:
        if standing:
            raise
        tell(f"{error.message} No instance of this installation is known to stand there.")
        return frozenset()
    with store.read() as connection:
        return placed & (instances.living(connection) | instances.deleted(connection, placed))


def _remove(state: State) -> list[str]:
    """Nothing but what the installation made. What is left."""
    try:
        for path in state.made():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        left = sorted(path.name for path in state.root.iterdir())
        if not left:
            state.root.rmdir()
    except OSError as error:
        raise HostFailed(f"{error.filename} cannot be removed: {error.strerror}.", "Remove it by hand.") from None
    return left
