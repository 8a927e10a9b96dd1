"""``trovectl database``: the databases in an instance."""

from typing import Annotated

import typer

from . import output
from .rest import part
from .session import InstanceName, Session, command

DatabaseName = Annotated[str, typer.Argument(metavar="DATABASE", help="Name of a database.")]


def register(group: typer.Typer) -> None:
    for name, function in (("create", create), ("list", list_all), ("delete", delete)):
        command(group, name)(function)


def create(
    session: Session,
    instance: InstanceName,
    database: DatabaseName,
    character_set: Annotated[str | None, typer.Option(help="Its character set.", show_default="the server's")] = None,
    collate: Annotated[str | None, typer.Option(help="Its collation.", show_default="the server's")] = None,
) -> None:
    """Makes a database."""
    found = session.find(instance)
    options = {"character_set": character_set, "collate": collate}
    wanted = {"name": database} | {key: value for key, value in options.items() if value}
    session.client.post(f"/instances/{found['id']}/databases", {"databases": [wanted]})
    session.output.document({"database": wanted})
    session.output.say(f"The database {database} of the instance {found['name']} is made.")


def list_all(session: Session, instance: InstanceName) -> None:
    """Lists the databases of an instance."""
    rows = session.client.every(f"/instances/{session.find(instance)['id']}/databases", "databases")
    session.output.document({"databases": rows})
    session.output.rows(("NAME",), [(row["name"],) for row in rows])


def delete(
    session: Session,
    instance: InstanceName,
    database: DatabaseName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, on a terminal, whether you mean it.")] = False,
) -> None:
    """Deletes a database with all that is in it."""
    found = session.find(instance)
    if not yes and output.is_asked_by_a_person():
        typer.confirm(f"Delete the database {database} of the instance {found['name']}?", abort=True, err=True)
    session.client.delete(f"/instances/{found['id']}/databases/{part(database)}")
    session.output.document({"database": {"name": database}, "deleted": True})
    session.output.say(f"The database {database} of the instance {found['name']} is gone.")
