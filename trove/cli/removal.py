"""Stopping an installation, and taking it away."""

import contextlib
import shutil
from collections.abc import Callable

from common.errors import HostFailed, TroveError
from trove import config
from trove.db.hosts import Register
from trove.db.store import open_store
from trove.providers.base import Provider
from trove.standalone import brokers, places
from trove.standalone.state import State

from . import launch

Tell = Callable[[str], None]


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
    after a failure, it goes on. Raises HostFailed and DeadlinePassed.
    """
    tell("Stops the control plane.")
    launch.stop(state)
    with state.held(), state.alone(), contextlib.ExitStack() as running:
        provider = _provider(state, tell, running)
        for host in provider.hosts():
            for instance_id in sorted(provider.placed(host)):
                tell(f"Deletes the instance {instance_id}.")
                provider.unplace(instance_id, host)
        tell("Stops the message broker.")
        stop_broker(state)
        return _remove(state)


def _provider(state: State, tell: Tell, running: contextlib.ExitStack) -> Provider:
    """What has the instances; this machine alone where no register of hosts can be read."""
    conf = config.load([state.configuration])
    if not (state.key.exists() and (state.store.exists() or conf.database.connection)):
        return places.here(conf, state)
    try:
        store = open_store(conf.database.connection or state.sqlite(state.store), state.key)
    except TroveError as error:
        tell(f"Instances on registered hosts, if there are any, stay: {error.sentence()}")
        return places.here(conf, state)
    running.callback(store.close)
    transport = places.transport(conf, state)
    running.callback(transport.close)
    return places.find(conf, state, Register(store), transport)


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
