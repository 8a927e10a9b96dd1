"""``trovectl token``: API tokens of our own, for installations without Keystone."""

from typing import Annotated

import typer

from .rest import part
from .session import Session, command

DAYS = 90


def register(group: typer.Typer) -> None:
    for name, function in (("create", create), ("list", list_all), ("revoke", revoke)):
        command(group, name)(function)


def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for; the audit names it.")],
    role: Annotated[list[str] | None, typer.Option(
        metavar="ROLE", help="A role of its holder, in the project of --project; may be given again. admin: an "
                             "administrator.", show_default="member")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until it expires.")] = DAYS,
) -> None:
    """Makes a token for the project of --project, and prints it: this once."""
    made = session.client.post("/mgmt/tokens", {"token": {
        "name": name, "days": days, **({"roles": role} if role else {})}})["token"]
    session.output.document({"token": made})
    session.output.say(f"This is the token {name} for the project {made['project_id']}, until {made['expires']}. "
                       "It is shown here and never again:")
    session.output.say(made["secret"])


def list_all(session: Session) -> None:
    """Lists the tokens of all projects, without what they are."""
    rows = session.client.every("/mgmt/tokens", "tokens")
    session.output.document({"tokens": rows})
    session.output.rows(("ID", "NAME", "PROJECT", "ROLES", "EXPIRES", "LAST USED", "REVOKED"),
                        [(row["id"], row["name"], row["project_id"], ", ".join(row["roles"]), row["expires"],
                          row["used"], row["revoked"]) for row in rows])


def revoke(
    session: Session,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Id of a token.")],
) -> None:
    """Makes a token useless, at once."""
    session.client.delete(f"/mgmt/tokens/{part(token)}")
    session.output.document({"token": {"id": token}, "revoked": True})
    session.output.say(f"The token {token} is revoked.")
