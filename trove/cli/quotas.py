"""``trovectl quota``: what projects may have, and what they have of it."""

from typing import Annotated

import typer

from common.errors import Invalid

from .rest import part
from .session import Session, command

Owner = Annotated[str | None, typer.Argument(metavar="PROJECT", help="Whose.", show_default="that of --project")]


def register(group: typer.Typer) -> None:
    command(group, "show")(show)
    command(group, "set")(change)


def show(session: Session, owner: Owner = None) -> None:
    """Shows what a project has, and may have."""
    rows = session.client.get(_path(session, owner))["quotas"]
    session.output.document({"quotas": rows})
    session.output.rows(("RESOURCE", "IN USE", "OF THAT BEING BUILT", "LIMIT"),
                        [(row["resource"], row["in_use"], row["reserved"], _shown(row["limit"])) for row in rows])


def change(
    session: Session,
    limits: Annotated[list[str], typer.Argument(metavar="RESOURCE=LIMIT…", help="Such as instances=20; -1: no limit.")],
    owner: Annotated[str | None, typer.Option("--of", metavar="PROJECT", help="Whose.",
                                              show_default="that of --project")] = None,
) -> None:
    """Sets what a project may have: instances, ram (MB), volumes (GB), backups."""
    made = session.client.put(_path(session, owner), {"quotas": dict(map(_limit, limits))})["quotas"]
    session.output.document({"quotas": made})
    for resource, limit in sorted(made.items()):
        session.output.say(f"The limit of {resource} is {_shown(limit)}.")


def _limit(text: str) -> tuple[str, int]:
    """Raises Invalid."""
    resource, _, limit = text.partition("=")
    try:
        return resource, int(limit)
    except ValueError:
        raise Invalid(f"{text} is no limit.", "Write it like instances=20; -1 means none.") from None


def _shown(limit: int) -> str:
    return "none" if limit < 0 else str(limit)


def _path(session: Session, owner: str | None) -> str:
    return f"/mgmt/quotas/{part(owner or session.client.project)}"
