"""``trovectl audit``: who asked for what."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated

import typer
from rich.text import Text

from common.errors import Conflict

from . import output
from .events import moment, told_to_wait
from .following import Api, Follower
from .rest import Json, is_id
from .session import Session, command, instance_names

PAGE, LINKS = "1000", "20"

SETTLED = 2.0
"""Seconds after which no row comes any more in front of one that was seen: transactions do not end in order of ids."""

ANSWERED = 60.0
"""Seconds for which a follower waits for the outcome of a request before it shows that there is none."""

_STYLES = {"done": "green", "refused": "yellow", "failed": "red", "unknown": "red", "cancelled": "yellow"}


def register(app: typer.Typer) -> None:
    command(app, "audit")(show)


def show(
    session: Session,
    instance: Annotated[str | None, typer.Option(
        metavar="INSTANCE", help="Only what was about this one, by name; by id where it is deleted.",
        autocompletion=instance_names)] = None,
    user: Annotated[str | None, typer.Option(metavar="USER", help="Only what this user asked for.")] = None,
    outcome: Annotated[str | None, typer.Option(
        metavar="WORD", help="Only what ended so: unknown, done, refused, failed or cancelled.")] = None,
    since: Annotated[str, typer.Option(metavar="SPAN", help="How far back: 90s, 15m, 1h or 7d.")] = "1d",
    everybody: Annotated[bool, typer.Option("--all-projects", help="Of all projects; for administrators.")] = False,
    verify: Annotated[bool, typer.Option(
        "--verify", help="Instead, hold all rows against their chain; for administrators.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is asked next, until interrupted.")] = False,
    lines: Annotated[bool, typer.Option("--json-lines", help="Print each row as a JSON document on a line.")] = False,
) -> None:
    """Shows who asked for what, when, from where, and how it ended; the oldest first.

    --follow outlives a restart of the control plane; with --json, it prints lines as --json-lines does. --verify tells
    whether somebody has changed or removed rows behind the control plane's back.
    """
    if verify:
        _verify(session)
        return
    path = "/mgmt/audit" if everybody else "/audit"
    query = {"since": moment(since), "user": user, "outcome": outcome,
             "instance": instance if instance is None or is_id(instance) else str(session.find(instance)["id"])}
    if follow:
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it
            _print(Tail(session.connect, path, query).follow(told_to_wait), lines or session.output.as_json)
    elif session.output.as_json and not lines:
        session.output.document({"audit": list(_rows(session, path, query))})
    else:
        _print(_rows(session, path, query), lines)


def _verify(session: Session) -> None:
    """Raises Conflict for a chain that is not whole."""
    chain = list(_rows(session, "/mgmt/audit/chain", {}, "chain", LINKS))
    broken = [link for link in chain if link["verdict"] != "whole"]
    session.output.keep(chain=chain)
    if broken:
        session.output.rows(("LINK", "ROWS", "FROM", "TO", "VERDICT"), [
            (link["id"], link["rows"], link["after"] + 1, link["last"], link["verdict"]) for link in broken])
        raise Conflict(f"{len(broken)} of {len(chain)} links of the audit are not whole.",
                       "Somebody was at the store. Compare these rows with lines that were kept elsewhere.")
    session.output.document({"chain": chain})
    if not chain:
        session.output.say("There is no row in the chain yet: they come when they are some ten minutes old.")
        return
    first, last = chain[0], chain[-1]
    session.output.say(f"The {sum(link['rows'] for link in chain)} rows in the chain are as they were, from row "
                       f"{first['after'] + 1} to {last['last']}. It ends with link {last['id']}: {last['digest']}.")


class Tail(Follower):
    """Rows in their order, each once, when its outcome is known or does not come any more."""

    def __init__(self, connect: Callable[[], Api], path: str, query: dict[str, str | None]) -> None:
        super().__init__(connect)
        self._path = path
        self._query = query
        self._seen: dict[int, float] = {}

    def ask(self, wait: float = 0.0) -> list[Json]:
        """Those that are ready; ``wait`` is for what rings, and the audit does not."""
        now = time.monotonic()
        if self._api is None:
            self._api = self._connect()
        rows: list[Json] = self._api.get(self._path, after=str(self._last), limit=PAGE, **self._query)["audit"]
        self._seen = {row["id"]: self._seen.get(row["id"], now) for row in rows}
        ready = []
        for row in rows:
            if now - self._seen[row["id"]] < (ANSWERED if row["outcome"] == "unknown" else SETTLED):
                break
            ready.append(row)
        if ready:
            self._last = ready[-1]["id"]
        return ready


def _print(rows: Iterable[Json], lines: bool) -> None:
    for row in rows:
        if lines:
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
        else:
            output.console.print(line(row))


def line(row: Json) -> Text:
    """Time, who, from where, what, and how it ended; the time is UTC, as everywhere."""
    status = f" {row['status']}" if row["status"] else ""
    return Text.assemble((row["created"].replace("T", " "), "dim"), "  ", (row["project_id"], "cyan"), "  ",
                         row["user_id"] or "nobody", (f" {row['address']}" if row["address"] else "", "dim"), "  ",
                         (row["outcome"] + status, _STYLES.get(row["outcome"], "")), "  ",
                         row["action"].partition(" ")[0], " ", row["path"] or row["instance_id"] or "")


def _rows(session: Session, path: str, query: Mapping[str, str | None], noun: str = "audit",
          most: str = PAGE) -> Iterator[Json]:
    """One page after the other: there may be many."""
    after: str | None = None
    while True:
        page = session.client.get(path, after=after, limit=most, **query)
        yield from page[noun]
        if not page.get("links"):
            return
        after = str(page[noun][-1]["id"])
