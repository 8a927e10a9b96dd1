"""``trovectl agent list`` and ``upgrade``: from which releases agents run, and how they get another one."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from common.errors import DeadlinePassed, Invalid, TroveError, Unreachable
from trove.releases import installing
from trove.standalone.state import State

from . import progress, waiting
from .instances import Patience
from .output import Output
from .rest import Client, Json
from .session import Session, command, instance_names

BATCH = 5
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
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="How many at the same time.")] = BATCH,
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
    """Upgrades the agents of the instances ``chosen``, ``batch`` at the same time; what came of each.

    Raises Invalid after the first batch with a failure, and DeadlinePassed; ``printed`` keeps what was done by then.
    """
    done: list[Json] = []
    failed: list[Json] = []
    for first in range(0, len(chosen), batch):
        for ended in _upgrade(client, chosen[first:first + batch], release, patience):
            (failed if ended["error"] else done).append(ended)
        if failed:
            break
    left = [each["name"] for each in chosen[len(done) + len(failed):]]
    printed.keep(upgraded=done, failed=failed, left=left)
    if failed:
        raise _stopped(done, failed, left)
    return done


@dataclass
class _Upgrade:
    """One that is under way."""

    instance: Json
    operation: Json


def _upgrade(client: Client, instances: Sequence[Json], release: str | None, patience: float) -> Iterator[Json]:
    """Asks for all of them at the same time; each as it ends, with its error or None."""
    under_way = []
    for instance in instances:
        try:
            under_way.append(_Upgrade(instance, _ask(client, instance, release)))
        except Unreachable:
            raise
        except TroveError as refused:
            yield _ended(instance, refused.sentence())
    until = time.monotonic() + patience
    with progress.Steps() as steps:
        while under_way:
            for each in tuple(under_way):
                each.operation = _look(client, each)
                steps.tell(each.operation["id"], f"{each.instance['name']}: {each.operation['sentence']}")
                if each.operation["state"] not in ("asked", "running"):
                    under_way.remove(each)
                    yield _ended(each.instance, _error(each.operation))
            if under_way and time.monotonic() > until:
                raise DeadlinePassed(f"{len(under_way)} upgrades have not ended within {patience:.0f} seconds; they go "
                                     "on.", "See: trovectl operation list --kind upgrade.")
            time.sleep(waiting.EARLIEST if under_way else 0)


def _ask(client: Client, instance: Json, release: str | None) -> Json:
    wanted = {} if release is None else {"release": release}
    client.post(f"/instances/{instance['id']}/action", {"upgrade_agent": wanted})
    operation: Json = client.get(f"/instances/{instance['id']}/operations", kind="upgrade", limit="1")["operations"][0]
    return operation


def _look(client: Client, upgrade: _Upgrade) -> Json:
    """As it stood, while the control plane is away."""
    try:
        operation: Json = client.get(f"/operations/{upgrade.operation['id']}")["operation"]
    except Unreachable:
        return upgrade.operation
    return operation


def _error(operation: Json) -> str | None:
    if operation["state"] == "done":
        return None
    return str((operation["last_error"] or {}).get("message") or operation["sentence"])


def _ended(instance: Json, error: str | None) -> Json:
    return {"id": instance["id"], "name": instance["name"], "error": error}


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


def _stopped(done: Sequence[Json], failed: Sequence[Json], left: Sequence[str]) -> Invalid:
    why = " ".join(f"{each['name']}: {each['error']}" for each in failed)
    rest = f" Not begun: {', '.join(left)}." if left else ""
    return Invalid(f"{len(done)} agents were upgraded, {len(failed)} were not. {why}{rest}",
                   "Agents that were not go on from their release, and the databases with them.")


def _behind(told: Json) -> str:
    if not told["behind"]:
        return f"All run from the release {told['release'][:_SHORT]}."
    return f"{told['behind']} do not run from the release {told['release'][:_SHORT]}: trovectl agent upgrade --all"
