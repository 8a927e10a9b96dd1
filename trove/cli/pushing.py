"""``trovectl agent push``: the developer's loop, from a checkout to the agents on a host."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from common.errors import NotFound, Refused
from trove import config
from trove.db.hosts import Register
from trove.db.store import Store, open_store
from trove.domain.hosts import Host
from trove.providers.ssh.checking import Checker
from trove.providers.ssh.delivery import Delivered, Moved
from trove.providers.ssh.transport import Transport
from trove.releases import building, shelf, sources
from trove.standalone import places
from trove.standalone.state import State

from . import agents, output, rolling, waiting
from .instances import Patience
from .rest import Client, Json, find, part
from .session import AsJson, StateDirectory, locate


def register(group: typer.Typer) -> None:
    group.command()(push)


def push(
    where: Annotated[str, typer.Argument(help="Name of a registered host, or name or id of an instance.",
                                         metavar="HOST|INSTANCE")],
    state: StateDirectory,
    source: Annotated[Path | None, typer.Option(
        help="Checkout that it is built from.", metavar="DIR",
        show_default="the current directory if it is one, else what is installed")] = None,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="How many agents at the same time.")] = rolling.BATCH,
    timeout: Patience = waiting.PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Builds a release, brings it to a host, where only what differs moves, and upgrades the agents there to it.

    Of an instance, its agent alone. The databases go on; an agent that does not report goes back to its own release.
    """
    printed = output.Output(as_json)
    with printed.reported():
        client = locate(None, state, None).client()
        host, instances = _meant(client, where)
        built, moved = _deliver(State(state.absolute()), host, sources.find(source))
        printed.keep(release=built, moved=asdict(moved) if moved else None)
        printed.say(f"{host or 'This machine'} has the release {built}; {_told(moved)}.")
        upgraded = agents.roll_out(client, printed, instances, built, batch, timeout)
        printed.document({"release": built, "moved": asdict(moved) if moved else None, "upgraded": upgraded})
        printed.say(f"{len(upgraded)} agents were upgraded.")


def _meant(client: Client, where: str) -> tuple[str | None, list[Json]]:
    """A host, None for this machine, and the instances whose agents are to be upgraded. Raises NotFound."""
    try:
        host = client.get(f"/mgmt/hosts/{part(where)}")["host"]
    except NotFound:
        instance = find(client, find(client, where)["id"])  # a list does not tell the host
        return (instance.get("server") or {}).get("host"), [instance]
    return host["name"], [find(client, instance_id) for instance_id in host["instances"]]


def _deliver(state: State, host: str | None, code: sources.Sources) -> tuple[str, Moved | None]:
    """The release's hash, and what was moved. Raises Invalid, HostFailed, and what reaching the host raises."""
    if host is None:
        return shelf.add(state.releases, code, shelf.HERE).total, None
    with reached(state) as (register, transport):
        built, delivered = bring(state, register.get(host), transport, code)
        return built, delivered.moved


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


def _told(moved: Moved | None) -> str:
    if moved is None:
        return "nothing had to be moved"
    return f"{moved.files} files and {(moved.sent + moved.received) / 1000:.1f} kB were moved"
