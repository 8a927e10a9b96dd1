"""``trovectl agent list`` and ``upgrade``: from which releases agents run, and how they get another one."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from common.errors import Invalid
from trove.releases import installing
from trove.standalone.state import State

from . import rolling, waiting
from .instances import Patience
from .output import Output
from .rest import Client, Json
from .session import Session, command, instance_names

_HASH = re.compile("[0-9a-f]{64}")
_SHORT = 12
"""Digits of a hash that a table shows."""


def register(group: typer.Typer) -> None:
    for name, function in (("list", list_all), ("upgrade", upgrade)):
        command(group, name)(function)


def list_all(session: Session) -> None:
    """Lists the agents of all projects, and says how many are behind the control plane's release."""
    told = session.client.get("/mgmt/agents", limit="1")
    rows = session.client.every("/mgmt/agents", "agents")
    session.output.document({"agents": rows, "release": told["release"], "behind": told["behind"]})
    session.output.rows(
        ("INSTANCE", "NAME", "VERSION", "CONTRACT", "RELEASE", "STATE"),
        [(row["instance_id"], row["instance_name"], row["version"], row["contract"], (row["release"] or "")[:_SHORT],
          row["state"]) for row in rows])
    session.output.say(_behind(told))


def upgrade(
    session: Session,
    names: Annotated[list[str] | None, typer.Argument(
        metavar="[INSTANCE]…", help="Names or ids of instances.", autocompletion=instance_names)] = None,
    every: Annotated[bool, typer.Option("--all", help="All agents that are behind the release.")] = False,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="How many at the same time.")] = rolling.BATCH,
    release: Annotated[str | None, typer.Option(
        metavar="DIR|HASH", help="A release: a directory, which goes into the installation in --state, or the hash of "
                                 "one that is there.", show_default="what new instances get")] = None,
    timeout: Patience = waiting.PATIENCE,
) -> None:
    """Replaces agents by those of a release. The databases go on; it stops after the first batch with a failure.

    An agent that does not report from the new release goes back to its own, and the failure says why.
    """
    if bool(names) == every:
        raise typer.BadParameter("Name instances, or give --all.")
    wanted = None if release is None else _release(release, State(session.state))
    chosen = _behind_all(session.client, wanted) if every else [session.find(name) for name in names or ()]
    done = roll_out(session.client, session.output, chosen, wanted, batch, timeout)
    session.output.document({"upgraded": done, "failed": [], "left": []})
    session.output.say(f"{len(done)} agents were upgraded." if chosen else "No agent is behind.")


def roll_out(client: Client, printed: Output, chosen: Sequence[Json], release: str | None, batch: int,
             patience: float) -> list[Json]:
    """Upgrades the agents of the instances ``chosen``; what came of each. Raises as ``rolling.roll_out``."""
    body = {} if release is None else {"release": release}
    action = rolling.Action({"upgrade_agent": body}, "upgrade", "upgraded",
                            "Agents that were not go on from their release, and the databases with them.")
    return rolling.roll_out(client, printed, action, chosen, batch, patience)


def _behind_all(client: Client, release: str | None) -> list[Json]:
    told = client.get("/mgmt/agents", limit="1")
    wanted = release or told["release"]
    return [{"id": row["instance_id"], "name": row["instance_name"]}
            for row in client.every("/mgmt/agents", "agents") if row["version"] and row["release"] != wanted]


def _release(given: str, state: State) -> str:
    """Its hash. Raises Invalid, HostFailed."""
    if _HASH.fullmatch(given):
        return given
    if not Path(given).is_dir():
        raise Invalid(f"{given} is neither the hash of a release nor a directory.", "Build one: trovectl agent build.")
    return installing.install(Path(given), state.releases).name


def _behind(told: Json) -> str:
    if not told["behind"]:
        return f"All run from the release {told['release'][:_SHORT]}."
    return f"{told['behind']} do not run from the release {told['release'][:_SHORT]}: trovectl agent upgrade --all"
