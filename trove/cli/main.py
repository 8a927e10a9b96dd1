"""Commands of ``trovectl``: up, down, status."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from common.errors import TroveError
from trove.standalone import service
from trove.standalone.state import State, default_root

from . import first, launch, removal
from .rest import PROJECT, Client

app = typer.Typer(help="Trove on this machine: start it, stop it, see how it is.", no_args_is_help=True,
                  add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)
complaints = Console(stderr=True, highlight=False, soft_wrap=True)

StateDirectory = Annotated[Path, typer.Option(
    "--state", help="State directory of the installation.", default_factory=default_root,
    show_default="/var/lib/trove; without root in your home")]
StatePort = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port of the REST API.")]


@app.command()
def up(
    state: StateDirectory,
    port: StatePort = None,
    empty: Annotated[bool, typer.Option("--empty", help="Do not make a first database.")] = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay in the foreground until interrupted.")] = False,
) -> None:
    """Starts the control plane, and makes a first database. Nothing to do when both are there."""
    place = State(state.absolute())
    with reported():
        place.check_length()
        if foreground:
            place.make()
            service.serve(place, port, console.print)
            removal.stop_broker(place)
            return
        with console.status("Starting …") as progress:
            tell = _telling(progress)
            launched = launch.start(place, port, tell)
            client = Client(launched.control.endpoint)
            console.print(f"Trove {'serves' if launched.begun else 'already serves'} at {launched.control.endpoint}; "
                          f"its state is in {place.root}.")
            made = None if empty else first.ensure(client, tell)
        if made is not None:
            _print_connection(made)
        _print_further(client)


@app.command()
def down(
    state: StateDirectory,
    destroy: Annotated[bool, typer.Option("--destroy", help="Delete all databases, and the installation.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --destroy.")] = False,
) -> None:
    """Stops the control plane and its broker. Databases go on running, and the next ``up`` finds them again."""
    place = State(state.absolute())
    with reported():
        if not place.exists:
            console.print(f"There is no installation in {place.root}: nothing to stop.")
            return
        if destroy and not yes and sys.stdin.isatty():
            typer.confirm(f"Delete every database of the installation in {place.root}?", abort=True)
        with console.status("Stopping …") as progress:
            tell = _telling(progress)
            if destroy:
                removal.destroy(place, tell)
            else:
                removal.halt(place, tell)
        console.print(f"The installation in {place.root} is gone." if destroy
                      else "The control plane and its broker are down; databases go on running.")


@app.command()
def status(
    state: StateDirectory,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Says where the control plane is. The exit code is 3 when it is down."""
    place = State(state.absolute())
    control = place.control()
    if as_json:
        known = {"pid": control.pid, "endpoint": control.endpoint} if control else {}
        typer.echo(json.dumps({"state": str(place.root), "up": control is not None, **known}))
    elif control:
        console.print(f"Trove serves at {control.endpoint} (process {control.pid}, state in {place.root}).")
    else:
        console.print(f"Trove is down (state in {place.root}). Start it: bin/up")
    if control is None:
        raise typer.Exit(3)


@contextmanager
def reported() -> Iterator[None]:
    """An error is a sentence with its remedy, and exit code 1."""
    try:
        yield
    except TroveError as error:
        complaints.print(f"[red]{escape(error.sentence())}[/red]")
        raise typer.Exit(1) from None


def _telling(progress: Status) -> Callable[[str], None]:
    """Each stage is a line that stays; where somebody looks on, the last one also turns."""
    begun = time.monotonic()

    def tell(sentence: str) -> None:
        console.print(f"[dim]{time.monotonic() - begun:5.1f} s[/dim]  {escape(sentence)}")
        progress.update(escape(sentence))

    return tell


def _print_connection(made: first.First) -> None:
    client = f"mariadb --host={made.address} --port={made.port} --user={first.USER} --password {first.DATABASE}"
    console.print(f"\nThe database [bold]{first.DATABASE}[/bold] of the instance [bold]{made.name}[/bold] is ready. "
                  f"Connect to it with\n\n    {client}")
    if made.password is None:
        console.print("\nIts password was shown when it was made. A new one:\n\n    openstack database user update "
                      f"attributes {made.name} {first.USER} --new_password NEW")
    else:
        console.print(f"\nThe password is shown this once:  [bold]{escape(made.password.reveal())}[/bold]")


def _print_further(client: Client) -> None:
    tool = Path(sys.prefix, "bin", "openstack")
    console.print(f"\nGo on with\n\n    export OS_AUTH_TYPE=none OS_ENDPOINT={client.endpoint}/v1.0/{PROJECT}\n"
                  f"    {tool} database instance list\n")
