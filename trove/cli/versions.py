"""``trovectl datastore version``: which servers may be asked for, and where their programs are."""

from pathlib import Path
from typing import Annotated

import typer

from common.errors import Conflict, NotFound

from .rest import Json, part
from .session import Session, command, completed

Datastore = Annotated[str, typer.Argument(
    metavar="DATASTORE", help="Name of a datastore.", autocompletion=completed("/datastores", "datastores"))]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="Name of a version.")]
VERSIONS = "/mgmt/datastore-versions"


def register(group: typer.Typer) -> None:
    for name, function in (("add", add), ("list", list_all), ("default", make_default), ("activate", activate),
                           ("deactivate", deactivate), ("remove", remove)):
        command(group, name)(function)


def add(
    session: Session,
    datastore: Datastore,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="What the server says, as 11.8.")],
    binaries: Annotated[Path, typer.Option(metavar="DIR", help="Where its programs are, on this machine or on hosts.")],
    name: Annotated[str | None, typer.Option(help="What people choose it by.", show_default="VERSION")] = None,
    engine: Annotated[str | None, typer.Option(help="Its engine.", show_default="DATASTORE")] = None,
    default: Annotated[bool, typer.Option("--default", help="Take it where none is named.")] = False,
) -> None:
    """Registers a version. Its server is asked for its version first."""
    wanted: Json = {"datastore_name": datastore, "name": name or version, "version": version,
                    "binaries": str(binaries.absolute()), "default": default}
    if engine:
        wanted["datastore_manager"] = engine
    session.client.post(VERSIONS, {"version": wanted})
    row = _find(session, datastore, name or version)
    session.output.document({"version": row})
    session.output.say(f"{datastore} {row['name']} may be asked for.")


def list_all(session: Session) -> None:
    """Lists all versions, and where their programs are."""
    rows = session.client.get(VERSIONS)["versions"]
    session.output.document({"versions": rows})
    session.output.rows(("DATASTORE", "NAME", "VERSION", "BINARIES", "DEFAULT", "ACTIVE"), [
        (row["datastore_name"], row["name"], row["version"], row["binaries"] or "the system's",
         "yes" if row["default"] else "", "yes" if row["active"] else "no") for row in rows])


def make_default(session: Session, datastore: Datastore, version: Version) -> None:
    """Makes a version the one that is taken where none is named."""
    _change(session, datastore, version, {"default": True})
    session.output.say(f"{datastore} is {version} where no version is named.")


def activate(session: Session, datastore: Datastore, version: Version) -> None:
    """Lets a version be asked for again."""
    _change(session, datastore, version, {"active": True})
    session.output.say(f"{datastore} {version} may be asked for.")


def deactivate(session: Session, datastore: Datastore, version: Version) -> None:
    """Lets nobody ask for a version any more. Instances of it stay."""
    _change(session, datastore, version, {"active": False})
    session.output.say(f"Nobody can ask for {datastore} {version} any more.")


def remove(session: Session, datastore: Datastore, version: Version) -> None:
    """Forgets a version of which no instance was made. Its programs stay."""
    row = _find(session, datastore, version)
    session.client.delete(f"{VERSIONS}/{part(row['id'])}")
    session.output.document({"version": row, "removed": True})
    session.output.say(f"{datastore} {version} is forgotten.")


def _change(session: Session, datastore: str, version: str, changed: Json) -> None:
    path = f"{VERSIONS}/{part(_find(session, datastore, version)['id'])}"
    session.client.patch(path, changed)
    session.output.document(session.client.get(path))


def _find(session: Session, datastore: str, version: str) -> Json:
    """By name or id. Raises NotFound, and Conflict for a name that several bear."""
    found: list[Json] = [row for row in session.client.get(VERSIONS)["versions"]
                         if row["datastore_name"] == datastore and version in (row["id"], row["name"])]
    if not found:
        raise NotFound(f"There is no {datastore} {version}.", "See: trovectl datastore version list.")
    if len(found) > 1:
        raise Conflict(f"Several versions of {datastore} are called {version}.",
                       f"Name one by its id: {', '.join(row['id'] for row in found)}.")
    return found[0]
