"""``trovectl events``: what happened, and what happens next."""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from common.errors import Invalid, Unreachable

from . import output
from .following import Follower
from .output import Output
from .rest import Json, is_id
from .session import Session, command, instance_names

_SPAN = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_STYLES = {
    "operation.done": "green", "operation.failed": "red", "operation.late": "red", "agent.lost": "red",
    "guest.refused": "red", "operation.retrying": "yellow", "operation.cancelled": "yellow", "drift.seen": "yellow",
    "server.restarted": "yellow", "instance.status": "bold", "instance.operating_status": "bold",
}


def register(app: typer.Typer) -> None:
    command(app, "events")(show)


def show(
    session: Session,
    instance: Annotated[str | None, typer.Option(
        metavar="INSTANCE", help="Only those of this one, by name; by id where it is deleted.",
        autocompletion=instance_names)] = None,
    since: Annotated[str, typer.Option(metavar="SPAN", help="How far back: 90s, 15m, 1h or 7d.")] = "1h",
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what happens next, until interrupted.")] = False,
) -> None:
    """Shows what happened to instances, a line for each event, the oldest first.

    With --json each line is a document. --follow outlives a restart of the control plane.
    """
    follower = Follower(session.connect, _instance_id(session, instance), moment(since))
    if not follow:
        _print(session.output, follower.known())
        return
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        _print(session.output, follower.follow(told_to_wait))


def _print(printed: Output, events: Iterator[Json]) -> None:
    for event in events:
        if printed.as_json:
            printed.document(event)
        else:
            output.console.print(line(event))


def line(event: Json) -> Text:
    """Time, instance, what it is, and the sentence; the time is UTC, as everywhere."""
    kind = event["kind"]
    moved = f"{event['from'] or 'none'} → {event['to'] or 'none'}. " if event["from"] or event["to"] else ""
    return Text.assemble((event["created"].replace("T", " "), "dim"), "  ", (event["instance_name"], "cyan"), "  ",
                         (f"{kind:<20}", _STYLES.get(kind, "")), "  ", moved, event["sentence"])


def told_to_wait(error: Unreachable) -> None:
    output.complaints.print(Text(f"{error.message} It is asked again.", "yellow"))


def _instance_id(session: Session, name: str | None) -> str | None:
    if name is None or is_id(name):
        return name
    return str(session.find(name)["id"])


def moment(span: str) -> str:
    """As the API reads it. Raises Invalid."""
    if (found := _SPAN.fullmatch(span)) is None:
        raise Invalid(f"{span} is no span of time.", "Write a number with s, m, h or d behind it, such as 90s or 7d.")
    try:
        moment = datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        moment = datetime.fromtimestamp(0, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
