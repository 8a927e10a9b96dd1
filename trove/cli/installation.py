"""``trovectl up``, ``down`` and ``status``: the installation on this machine."""

import shlex
import sys
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from trove.standalone.state import Control, State, default_root

from . import first, launch, output
from .rest import PROJECT, Json
from .session import AsJson, StateDirectory, of_installation

StatePort = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port of the REST API.")]


def register(app: typer.Typer) -> None:
    for function in (up, down, status, task_manager):
        app.command(epilog=output.EXIT_CODES)(function)


def up(
    state: StateDirectory,
    port: StatePort = None,
    empty: Annotated[bool, typer.Option("--empty", help="Do not make a first database.")] = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay in the foreground until interrupted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Starts the control plane, and makes a first database. Nothing to do when both are there."""
    place, printed = State(state.absolute()), output.Output(as_json)
    with printed.reported():
        place.check_length()
        if foreground:
            _serve(place, port)
            return
        with _watched(printed).status("Starting …") as progress:
            tell = _telling(progress)
            launched = launch.start(place, port, tell)
            client = of_installation(place, launched.control).client()
            printed.say(_launched(launched, place, port))
            made = None if empty else first.ensure(client, tell)
        printed.document({**_document(place), "begun": launched.begun, "first": made and made.document()})
        if not as_json:
            _print_connection(made)
            _print_further(place, launched.control)


def down(
    state: StateDirectory,
    destroy: Annotated[bool, typer.Option("--destroy", help="Delete all databases, and the installation.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --destroy.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stops the control plane and its broker. Databases go on running, and the next ``up`` finds them again."""
    place, printed = State(state.absolute()), output.Output(as_json)
    with printed.reported():
        existed = place.exists
        if existed:
            if destroy and not yes and output.is_asked_by_a_person():
                typer.confirm(f"Delete every database of the installation in {place.root}?", abort=True, err=True)
            _take_down(place, destroy, printed)
        else:
            printed.say(f"There is no installation in {place.root}: nothing to stop.")
        printed.document({"state": str(place.root), "up": False, "destroyed": destroy and existed})


def status(state: StateDirectory, as_json: AsJson = False) -> None:
    """Says where the control plane is. The exit code is 3 when it is down."""
    place, printed = State(state.absolute()), output.Output(as_json)
    with printed.reported():
        known = _document(place)
        printed.document(known)
        if known["up"]:
            printed.say(f"Trove serves at {known['endpoint']} (process {known['pid']}, state in {place.root}).")
        else:
            printed.say(f"Trove is down (state in {place.root}). Start it: bin/up")
    if not known["up"]:
        raise typer.Exit(output.UNREACHABLE)


def _launched(launched: launch.Launch, place: State, port: int | None) -> str:
    """Where it serves, and that it keeps its port although ``port`` was asked for."""
    endpoint = launched.control.endpoint
    if launched.begun:
        return f"Trove serves at {endpoint}; its state is in {place.root}."
    sentence = f"Trove already serves at {endpoint}; its state is in {place.root}."
    if port is not None and port != urllib.parse.urlsplit(endpoint).port:
        sentence += f" Port {port} counts only when it is started: run down, then up --port {port}."
    return sentence


def task_manager(
    state: StateDirectory,
    name: Annotated[str, typer.Option("--name", help="Tells it from its peers; the same again after its death.")],
) -> None:
    """Runs one more task manager beside the control plane, in the foreground until SIGTERM. Needs PostgreSQL."""
    place, printed = State(state.absolute()), output.Output(False)
    with printed.reported():
        from trove.standalone import beside  # all of the control plane: no other command waits for it

        with beside.serving(place, name) as ended:
            printed.say(f"The task manager {name} works for {place.root}.")
            ended.wait()


def _serve(place: State, port: int | None) -> None:
    from trove.standalone import service  # all of the control plane: no other command waits for it

    from . import removal

    place.make()
    service.serve(place, port, output.console.print)
    removal.stop_broker(place)


def _take_down(place: State, destroy: bool, printed: output.Output) -> None:
    from . import removal  # brings the broker's and the provider's libraries

    with _watched(printed).status("Stopping …") as progress:
        if destroy:
            left = removal.destroy(place, _telling(progress))
            sentence = f"The installation in {place.root} is gone."
            if left:
                sentence += f" What it did not make stays there: {', '.join(left)}."
        else:
            removal.halt(place, _telling(progress))
            sentence = "The control plane and its broker are down; databases go on running."
    printed.say(sentence)


def _document(place: State) -> Json:
    control = place.control()
    known: Json = {"pid": control.pid, "endpoint": control.endpoint} if control else {}
    if control and control.cacert:
        known["cacert"] = control.cacert
    return {"state": str(place.root), "up": control is not None, **known}


def _watched(printed: output.Output) -> Console:
    return output.complaints if printed.as_json else output.console


def _telling(progress: Status) -> Callable[[str], None]:
    """Each stage is a line that stays; where somebody looks on, the last one also turns."""
    begun = time.monotonic()

    def tell(sentence: str) -> None:
        progress.console.print(f"[dim]{time.monotonic() - begun:5.1f} s[/dim]  {escape(sentence)}")
        progress.update(escape(sentence))

    return tell


def _print_connection(made: first.First | None) -> None:
    if made is None:
        return
    client = f"mariadb --host={made.address} --port={made.port} --user={first.USER} --password {first.DATABASE}"
    output.console.print(f"\nThe database [bold]{first.DATABASE}[/bold] of the instance [bold]{made.name}[/bold] is "
                         f"ready. Connect to it with\n\n    {client}")
    if made.password is None:
        output.console.print("\nIts password was shown when it was made. A new one:\n\n    openstack database user "
                             f"update attributes {made.name} {first.USER} --new_password NEW")
    else:
        output.console.print(f"\nThe password is shown this once:  [bold]{escape(made.password.reveal())}[/bold]")


def _print_further(place: State, control: Control) -> None:
    programs = Path(sys.prefix, "bin")
    where = "" if place.root == default_root() else f" --state {shlex.quote(str(place.root))}"
    output.console.print(f"\nGo on with\n\n    {programs / 'trovectl'} instance list{where}\n\n"
                         f"or with OpenStack's client:\n\n{_lets_in(control, f'{programs}/trovectl', where)}"
                         f"    {programs / 'openstack'} database instance list\n", markup=False, highlight=False)


def _lets_in(control: Control, trovectl: str, where: str) -> str:
    """Lines for a shell, by which the API knows who asks."""
    endpoint = f"OS_ENDPOINT={control.endpoint}/v1.0/{PROJECT}"
    known_by = f" OS_CACERT={control.cacert}" if control.cacert else ""
    match control.asks:
        case "token":
            return (f"    {trovectl} token create NAME --project {PROJECT}{where}\n"
                    f"    export OS_AUTH_TYPE=admin_token OS_TOKEN=trove_… {endpoint}{known_by}\n")
        case "keystone":
            return f"    export OS_CLOUD=…{known_by}    # catalog: {control.endpoint}/v1.0/%(project_id)s\n"
        case _:
            return f"    export OS_AUTH_TYPE=none {endpoint}{known_by}\n"
