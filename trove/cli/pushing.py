"""``trovectl agent push``: the developer's loop, from a checkout to a host."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from common.errors import Refused
from trove import config
from trove.db.hosts import Register
from trove.db.store import Store, open_store
from trove.domain.hosts import Host
from trove.providers.ssh.checking import Checker
from trove.providers.ssh.delivery import Delivered
from trove.providers.ssh.transport import Transport
from trove.releases import building, shelf, sources
from trove.standalone import places
from trove.standalone.state import State

from . import output
from .session import AsJson, StateDirectory


def register(group: typer.Typer) -> None:
    group.command()(push)


def push(
    host: Annotated[str, typer.Argument(help="Name of a registered host.", metavar="HOST")],
    state: StateDirectory,
    source: Annotated[Path | None, typer.Option(
        help="Checkout that it is built from.", metavar="DIR",
        show_default="the current directory if it is one, else what is installed")] = None,
    as_json: AsJson = False,
) -> None:
    """Builds a release for a host and brings it there; only what differs from the last one moves."""
    printed = output.Output(as_json)
    with printed.reported():
        built, delivered = _push(State(state.absolute()), host, sources.find(source))
    printed.document({"release": built, "path": delivered.path,
                      "moved": asdict(delivered.moved) if delivered.moved else None})
    printed.say(f"{host} has the release {built}; {_moved(delivered)}.")


def _push(state: State, name: str, code: sources.Sources) -> tuple[str, Delivered]:
    """The release's hash, and what became of it. Raises Invalid, HostFailed, and what reaching the host raises."""
    with reached(state) as (register, transport):
        return bring(state, register.get(name), transport, code)


@contextlib.contextmanager
def reached(state: State) -> Iterator[tuple[Register, Transport]]:
    """The registered hosts, and the way to them. Raises Refused."""
    conf = config.load([state.configuration])
    if not state.key.exists():
        raise Refused(f"No control plane has been started in {state.root}.", "Start it first: trovectl up.")
    with contextlib.ExitStack() as running:
        store: Store = running.enter_context(contextlib.closing(
            open_store(conf.database.connection or state.sqlite(state.store), state.key)))
        transport = running.enter_context(contextlib.closing(places.transport(conf, state)))
        yield Register(store), transport


def bring(state: State, host: Host, transport: Transport, code: sources.Sources) -> tuple[str, Delivered]:
    """Builds a release of the code for a host and has it there."""
    facts = host.facts or Checker(transport).look(host)
    built = shelf.add(state.releases, code, building.Target(building.ALL, facts.python, facts.arch)).total
    return built, places.delivery(state, transport).deliver(host, built)


def _moved(delivered: Delivered) -> str:
    if delivered.moved is None:
        return "it was there already"
    kilobytes = (delivered.moved.sent + delivered.moved.received) / 1000
    return f"{delivered.moved.files} files and {kilobytes:.1f} kB were moved"
