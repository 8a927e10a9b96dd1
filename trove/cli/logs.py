"""``trovectl logs`` and ``trovectl log``: what database servers write of themselves, now and from now on."""

import contextlib
import sys
from typing import Annotated

import typer
from rich.text import Text

from common.errors import NotFound, Unreachable
from trove.domain.words import visible

from . import output
from .output import Output
from .reading import Piece, Reader, last_lines
from .rest import Json, part
from .session import InstanceName, Session, command

LINES = 20

LogName = Annotated[str, typer.Argument(metavar="NAME", help="The log.")]


def register(app: typer.Typer) -> None:
    command(app, "logs")(show)


def register_switches(group: typer.Typer) -> None:
    for name, function in (("list", list_logs), ("enable", enable), ("disable", disable)):
        command(group, name)(function)


def show(
    session: Session,
    instance: InstanceName,
    name: Annotated[str | None, typer.Argument(
        metavar="[NAME]", help="The log; the first one where it is left out.", show_default=False)] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes next, until interrupted.")] = False,
    lines: Annotated[int, typer.Option("--lines", min=0, max=1000, help="How many of the last lines.")] = LINES,
    whole: Annotated[bool, typer.Option("--all", help="From the oldest line that there is.")] = False,
) -> None:
    """Shows the last lines of a log, also while the server is down.

    On a terminal, what would steer it is shown as \\x1b. With --json each piece is a document. --follow outlives a
    restart of the server, of its agent and of the control plane, and says so where lines were rotated away.
    """
    found = session.find(instance)
    path = f"/instances/{found['id']}/log"
    chosen = name or str(_first(session.client.get(path)["logs"]))
    reader = Reader(session.connect, f"{path}/{part(chosen)}", whole)
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        if whole:
            for piece in reader.known():
                _print(session.output, piece)
        else:
            _print(session.output, last_lines(reader.known(), lines))
        if follow:
            for piece in reader.follow(_told_to_wait):
                _print(session.output, piece)


def list_logs(session: Session, instance: InstanceName) -> None:
    """Lists the logs, and which are written."""
    found = session.find(instance)
    logs = session.client.get(f"/instances/{found['id']}/log")["logs"]
    session.output.document({"logs": logs})
    session.output.rows(("Name", "Switch", "Status", "Bytes"),
                        [(log["name"], _switch(log), log["status"], log["pending"]) for log in logs])


def enable(session: Session, instance: InstanceName, name: LogName) -> None:
    """Has the server write a log, until it is disabled."""
    _set(session, instance, name, "enable")


def disable(session: Session, instance: InstanceName, name: LogName) -> None:
    """Has the server write a log no more."""
    _set(session, instance, name, "disable")


def _set(session: Session, instance: str, name: str, verb: str) -> None:
    found = session.find(instance)
    log = session.client.post(f"/instances/{found['id']}/log", {"name": name, verb: 1})["log"]
    session.output.document({"log": log})
    session.output.say(f"The log {name} of the instance {found['name']} is {verb}d.")


def _first(logs: list[Json]) -> str:
    """Raises NotFound."""
    if not logs:
        raise NotFound("The instance has no log.")
    return str(logs[0]["name"])


def _switch(log: Json) -> str:
    if log["type"] == "SYS":
        return "always on"
    return "off" if log["status"] == "Disabled" else "on"


def _print(printed: Output, piece: Piece) -> None:
    if piece.lost:
        output.complaints.print(Text("Lines were rotated away before they were read: they are missing here.", "yellow"))
    if printed.as_json:
        printed.document({"text": piece.text, "lost": piece.lost})
    else:
        sys.stdout.write(visible(piece.text) if sys.stdout.isatty() else piece.text)
        sys.stdout.flush()


def _told_to_wait(error: Unreachable) -> None:
    output.complaints.print(Text(f"{error.message} It is asked again.", "yellow"))
