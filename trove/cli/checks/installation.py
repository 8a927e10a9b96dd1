"""Permissions, ports, API, broker and leftovers of the installation in a state directory."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy
from oslo_config import cfg

from common.errors import HostFailed
from common.findings import Finding, failed, ok, warning
from trove import config
from trove.db import instances
from trove.providers.local import addresses
from trove.standalone import brokers, places, ports
from trove.standalone.state import State

from ..session import of_installation
from .machine import existing

DATABASE_PORT = 3306
LOOP_DEVICES = Path("/sys/block")


def load(state: State) -> cfg.ConfigOpts:
    """The installation's options. Raises Invalid."""
    return config.load([state.configuration])


def permissions(state: State, user: int | None = None) -> Iterator[Finding]:
    """``user``: who asks, by number; the caller. Raises Invalid for a path that is too long."""
    state.check_length()
    user = os.geteuid() if user is None else user
    if user != 0:
        yield warning("permissions", "Without root, databases run as your own user: one trust domain without limits.",
                      "Run Trove as root where others are to use it.")
    problems = [*_owner(state, user), *_passage(state, user), *_key(state)]
    yield from problems or [ok("permissions", f"{state.root} is open to whom it must be, and to nobody else.")]


def api(state: State) -> Iterator[Finding]:
    control = state.control()
    if control is not None and of_installation(state, control).client(timeout=10).answers():
        yield ok("api", f"The API answers at {control.endpoint}.")
    elif control is not None:
        yield failed("api", f"The control plane lives (process {control.pid}) and does not answer.",
                     f"See {state.log}; then: trovectl down, trovectl up.")
    else:
        yield ok("api", "The control plane is down.")


def api_port(state: State, conf: cfg.ConfigOpts) -> Iterator[Finding]:
    port = state.last_port() or conf.bind_port
    if state.control() is not None:
        return
    if ports.is_free(port, conf.bind_host):
        yield ok("api port", f"Port {port} is free for the API.")
    else:
        yield warning("api port", f"Port {port} is taken by another program, so the API would take the next free one.",
                      "Stop the other program, or name a port: trovectl up --port N.")


def database_port(listeners: frozenset[addresses.Listener]) -> Iterator[Finding]:
    if ("0.0.0.0", DATABASE_PORT) in listeners:  # noqa: S104 - stands for a listener on all addresses
        yield failed("database port", f"Another program listens on port {DATABASE_PORT} of every address.",
                     "Stop it, or bind it to an address of its own.")
    else:
        yield ok("database port", f"Port {DATABASE_PORT} is free on the addresses of instances.")


def broker(state: State, conf: cfg.ConfigOpts) -> Iterator[Finding]:
    """Raises Unreachable when it should answer and does not."""
    if not conf.broker.host:
        if not (state.rabbit / "node.json").exists():
            return
        node = brokers.private_node(state)
        if not node.running():
            yield from _broker_down(state, [node.ports.amqp, node.ports.management, node.ports.distribution])
            return
    admin = brokers.find(conf, state).admin()
    try:
        yield ok("broker", f"The message broker answers, and knows us as {admin.whoami()}.")
    finally:
        admin.close()


def leftovers(state: State, conf: cfg.ConfigOpts, loops: Path = LOOP_DEVICES) -> Iterator[Finding]:
    """Places on this machine that belong to no instance. Raises HostFailed for a store that cannot be read."""
    if not (state.exists and (state.store.exists() or conf.database.connection)):
        return
    known = _living(conf.database.connection or f"sqlite:///file:{state.store}?mode=ro&uri=true")
    placed = places.here(conf, state).placed(None)
    lost = [*_lost_places(state, placed - known), *_lost_loops(state, placed, loops)]
    yield from lost or [ok("leftovers", f"Of {len(placed)} places on this machine, each belongs to an instance.")]


def _owner(state: State, user: int) -> Iterator[Finding]:
    nearest = existing(state.root)
    if state.root.exists() and state.root.stat().st_uid != user:
        yield failed("permissions", f"{state.root} belongs to another user.", "Run this as that user.")
    elif not os.access(nearest, os.W_OK):
        yield failed("permissions", f"{nearest} cannot be written to.", "Name another directory with --state.")


def _passage(state: State, user: int) -> Iterator[Finding]:
    """As root, broker and instances run as other users and must get to their files."""
    closed = [path for path in (state.root, *state.root.parents) if path.exists() and not path.stat().st_mode & 0o001]
    if user == 0 and closed:
        yield failed("permissions", f"Users of instances cannot pass through {closed[0]}.",
                     f"Run: chmod o+x {closed[0]}")


def _key(state: State) -> Iterator[Finding]:
    if state.key.exists() and stat.S_IMODE(state.key.stat().st_mode) & 0o077:
        yield failed("permissions", f"Others can read {state.key}, which opens the secrets in the store.",
                     f"Run: chmod 600 {state.key}")


def _broker_down(state: State, wanted: list[int]) -> Iterator[Finding]:
    taken = [str(port) for port in wanted if not ports.is_free(port)]
    if taken:
        yield failed("broker", f"The message broker is down, and its ports are taken: {', '.join(taken)}.",
                     "Stop the program that listens there; guests know these ports.")
    elif state.control() is not None:
        yield failed("broker", "The message broker is down although the control plane runs.",
                     f"It is started again within seconds; if not, see {state.rabbit / 'var' / 'log'}.")
    else:
        yield ok("broker", "The message broker is down like the control plane, and its ports are free.")


def _living(url: str) -> frozenset[str]:
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return instances.living(connection)
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise HostFailed(f"The store cannot be read: {type(error).__name__}.",
                         "See the log of the control plane.") from None
    finally:
        engine.dispose()


def _lost_places(state: State, lost: frozenset[str]) -> Iterator[Finding]:
    program = next(iter(sorted(state.root.glob("releases/*/bin/trove-guestagent"))), "trove-guestagent")
    for instance_id in sorted(lost):
        order = json.dumps({"instance_id": instance_id, "home": str(state.root / "instances" / instance_id)})
        yield failed("leftovers", f"The place {instance_id} is left of interrupted work and belongs to no instance.",
                     f"Remove it: echo '{order}' | {program} unplace")


def _lost_loops(state: State, placed: frozenset[str], devices: Path) -> Iterator[Finding]:
    for entry in sorted(devices.glob("loop*/loop/backing_file")):
        image = Path(entry.read_text().strip().removesuffix(" (deleted)"))
        device = entry.parent.parent.name
        if image.parent == state.root / "volumes" and image.stem not in placed:
            yield failed("leftovers", f"The loop device {device} holds the volume of an instance that is gone.",
                         f"Run: losetup --detach /dev/{device}")
