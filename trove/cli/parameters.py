"""``trovectl parameter``: what can be set in the servers of a datastore version."""

from typing import Annotated

import typer

from .rest import Json, part
from .session import Session, command, completed

Datastore = Annotated[str, typer.Argument(
    metavar="DATASTORE", help="Name of a datastore.", autocompletion=completed("/datastores", "datastores"))]
Version = Annotated[str | None, typer.Option("--version", metavar="NAME", help="Its version.",
                                             show_default="the datastore's default")]


def register(group: typer.Typer) -> None:
    for name, function in (("list", list_all), ("show", show)):
        command(group, name)(function)


def list_all(session: Session, datastore: Datastore, version: Version = None) -> None:
    """Lists what can be set, with the values that it takes."""
    rows = session.client.get(_path(session, datastore, version))["configuration-parameters"]
    session.output.document({"parameters": rows})
    session.output.rows(("NAME", "TAKES", "UNIT", "DEFAULT", "RESTART"), [
        (row["name"], takes(row), row.get("unit", ""), row.get("default", ""),
         "yes" if row["restart_required"] else "") for row in rows])


def show(
    session: Session,
    datastore: Datastore,
    parameter: Annotated[str, typer.Argument(metavar="PARAMETER", help="Name of a parameter.")],
    version: Version = None,
) -> None:
    """Shows what one parameter takes, and whether a server must be restarted for it."""
    row = session.client.get(f"{_path(session, datastore, version)}/{part(parameter)}")
    session.output.document({"parameter": row})
    session.output.rows(("FIELD", "VALUE"), [
        ("name", row["name"]), ("type", row["type"]), ("takes", takes(row)), ("unit", row.get("unit", "")),
        ("default", row.get("default", "")), ("restart", "yes" if row["restart_required"] else "no")])


def takes(row: Json) -> str:
    """In a word or two."""
    if "choices" in row:
        return ", ".join(row["choices"])
    if row["type"] in ("integer", "float"):
        return f"{row.get('min', '…')} to {row.get('max', '…')}"
    return "on, off" if row["type"] == "boolean" else "a text"


def _path(session: Session, datastore: str, version: str | None) -> str:
    """Of the parameters. Raises NotFound."""
    if version is None:
        version = str(session.client.get(f"/datastores/{part(datastore)}")["datastore"]["default_version"])
    return f"/datastores/{part(datastore)}/versions/{part(version)}/parameters"
