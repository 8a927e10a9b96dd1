"""What the commands have in common that ask the API: where it is, which project, how to print; and completion."""

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from common.errors import Refused, TroveError, Unreachable
from common.secret import Secret
from trove.standalone.state import Control, State, default_root

from . import output, rest
from .trust import Trust

COMPLETION_PATIENCE = 2.0
TOKEN = "OS_TOKEN"  # noqa: S105 - the name of a variable

StateDirectory = Annotated[Path, typer.Option(
    "--state", help="State directory of the installation.", default_factory=default_root, metavar="DIR",
    show_default="/var/lib/trove; without root in your home")]
Endpoint = Annotated[str | None, typer.Option(
    "--endpoint", metavar="URL", help="Scheme, host and port of the API.",
    show_default="that of the installation in --state")]
Cacert = Annotated[Path | None, typer.Option(
    "--cacert", metavar="FILE", envvar="OS_CACERT", help="PEM file of the authority that vouches for the API.",
    show_default="the system's; that of the installation in --state is known")]
Project = Annotated[str, typer.Option("--project", metavar="NAME", help="The project to work in.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@dataclass(frozen=True)
class Session:
    """What a command works with. ``connect`` finds the API anew, which may have moved; ``state`` is the directory of
    the installation on this machine, if that is the one that is asked."""

    client: rest.Client
    output: output.Output
    connect: Callable[[], rest.Client]
    state: Path

    def find(self, name: str) -> rest.Json:
        """An instance by its id or name. Raises NotFound and Conflict."""
        return rest.find(self.client, name)


def command(group: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes ``function(session, …)`` the command ``name`` of ``group``, with the common options behind its own."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(state: Path, endpoint: str | None, cacert: Path | None, project: str, as_json: bool,
                **own: Any) -> None:
            printed = output.Output(as_json)
            with printed.reported():
                def connect() -> rest.Client:
                    return locate(endpoint, state, cacert).client(project)

                function(Session(connect(), printed, connect, state.absolute()), **own)

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        signature = inspect.Signature([*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *_COMMON])
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
        group.command(name, epilog=output.EXIT_CODES)(run)
        return function

    return register


def group(app: typer.Typer, name: str, about: str) -> typer.Typer:
    """The commands of one noun."""
    made = typer.Typer(help=about, no_args_is_help=True, epilog=output.EXIT_CODES)
    app.add_typer(made, name=name)
    return made


@dataclass(frozen=True)
class Door:
    """Where an API is, by what its certificate is known, and what it knows us by."""

    endpoint: str
    trust: Trust
    token: Secret | None

    def client(self, project: str = rest.PROJECT, timeout: float = rest.TIMEOUT) -> rest.Client:
        return rest.Client(self.endpoint, project, timeout, self.trust, self.token)


def locate(endpoint: str | None, root: Path, cacert: Path | None) -> Door:
    """The API that is named, with the token in ``OS_TOKEN``; else the installation's, as its operator.

    Raises Unreachable when the installation is down, Refused when it is hidden.
    """
    if endpoint is not None:
        token = os.environ.get(TOKEN)
        return Door(endpoint.rstrip("/"), Trust(cacert), Secret(token) if token else None)
    state = State(root.absolute())
    try:
        control = state.control()
        if control is None:
            raise Unreachable(f"Trove is down (state in {state.root}).",
                              f"Start it: trovectl up --state {state.root}, or name another API with --endpoint.")
        return of_installation(state, control)
    except PermissionError:
        raise Refused(f"The installation in {state.root} is another user's.",
                      "Run this as that user, or name the API with --endpoint.") from None


def of_installation(state: State, control: Control) -> Door:
    """Its own certificate is known, whoever vouches for it."""
    trust = Trust(certificate=Path(control.certificate)) if control.certificate else Trust()
    return Door(control.endpoint, trust, state.operator_token())


def completed(path: str, member: str) -> Callable[[typer.Context, str], list[str]]:
    """For the shell: names in the list at ``path`` that begin so. Without an answer there is nothing to offer, and no
    place to complain."""

    def names(context: typer.Context, incomplete: str) -> list[str]:
        given = context.params
        try:
            door = locate(given.get("endpoint"), given.get("state") or default_root(), given.get("cacert"))
            client = door.client(given.get("project") or rest.PROJECT, COMPLETION_PATIENCE)
            found = [str(row["name"]) for row in client.every(path, member)]
        except TroveError:
            return []
        return sorted({name for name in found if name.startswith(incomplete)})

    return names


instance_names = completed("/instances", "instances")

InstanceName = Annotated[str, typer.Argument(
    metavar="INSTANCE", help="Name or id of an instance.", autocompletion=instance_names)]


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_COMMON = (_parameter("endpoint", Endpoint, None), _parameter("cacert", Cacert, None),
           _parameter("state", StateDirectory), _parameter("project", Project, rest.PROJECT),
           _parameter("as_json", AsJson, False))
