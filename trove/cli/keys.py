"""``trovectl instance rotate-keys``: other keys and another broker login for agents, while they run."""

from typing import Annotated

import typer

from . import rolling, waiting
from .instances import Patience
from .session import Session, command, instance_names

ACTION = rolling.Action({"rotate_keys": {}}, "rotate_keys", "rotated",
                        "Those that were not keep keys that work. Remove the cause and ask again: that goes on.")


def register(group: typer.Typer) -> None:
    command(group, "rotate-keys")(rotate)


def rotate(
    session: Session,
    names: Annotated[list[str] | None, typer.Argument(
        metavar="[INSTANCE]…", help="Names or ids of instances.", autocompletion=instance_names)] = None,
    every: Annotated[bool, typer.Option("--all", help="All instances of all projects.")] = False,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="How many at the same time.")] = rolling.BATCH,
    timeout: Patience = waiting.PATIENCE,
) -> None:
    """Gives agents other keys and another login at the broker. Agents and databases go on.

    The former keys open nothing afterwards. It stops after the first batch with a failure.
    """
    if bool(names) == every:
        raise typer.BadParameter("Name instances, or give --all.")
    chosen = _every(session) if every else [session.find(name) for name in names or ()]
    done = rolling.roll_out(session.client, session.output, ACTION, chosen, batch, timeout)
    session.output.document({"rotated": done, "failed": [], "left": []})
    session.output.say(f"{len(done)} agents have new keys.")


def _every(session: Session) -> list[dict[str, str]]:
    return [{"id": row["instance_id"], "name": row["instance_name"]}
            for row in session.client.every("/mgmt/agents", "agents") if row["version"]]
