"""``trovectl instance``: create, list, show, connect, restart, delete."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from common.errors import Invalid

from . import clients, connection, output, passwords, progress, waiting
from .rest import Client, Json
from .session import InstanceName, Session, command

T = TypeVar("T")

Wait = Annotated[bool, typer.Option("--wait", help="Return when it is done, and show each step meanwhile.")]
Patience = Annotated[float, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long --wait waits.")]


def register(group: typer.Typer) -> None:
    for name, function in (("create", create), ("list", list_all), ("show", show), ("connect", connect),
                           ("restart", restart), ("stop", stop), ("reboot", reboot), ("ping", ping),
                           ("delete", delete)):
        command(group, name)(function)


def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new instance.")],
    flavor: Annotated[str | None, typer.Option(help="Name or id of its flavor.", show_default="the smallest")] = None,
    size: Annotated[int, typer.Option(min=1, metavar="GB", help="Size of its volume.")] = 1,
    datastore: Annotated[str | None, typer.Option(help="Its datastore.", show_default="the API's default")] = None,
    datastore_version: Annotated[str | None, typer.Option(help="Version of the datastore.")] = None,
    databases: Annotated[list[str] | None, typer.Option(
        "--database", help="A database in it; may be repeated.")] = None,
    users: Annotated[list[str] | None, typer.Option(
        "--user", help="A user of all these databases; may be repeated. The password is asked for.")] = None,
    password_file: passwords.PasswordFile = None,
    generate: passwords.Generate = False,
    wait: Wait = False,
    timeout: Patience = waiting.PATIENCE,
) -> None:
    """Asks for a database server with databases and users in it."""
    if password_file and len(users or ()) > 1:
        raise typer.BadParameter("A password file holds one password: name one --user.", param_hint="--password-file")
    wanted: Json = {"name": name, "flavorRef": _flavor(session.client, flavor), "volume": {"size": size},
                    "databases": [{"name": each} for each in databases or ()]}
    if datastore or datastore_version:
        wanted["datastore"] = {key: text for key, text in (("type", datastore), ("version", datastore_version)) if text}
    chosen = {user: passwords.choose(user, password_file, generate) for user in users or ()}
    wanted["users"] = [{"name": user, "password": password.secret.reveal(), "databases": wanted["databases"]}
                       for user, password in chosen.items()]
    made: Json = session.client.post("/instances", {"instance": wanted})["instance"]
    session.output.say(f"The instance {name} is asked for; its id is {made['id']}.")
    shown_once = passwords.show(session.output, chosen)
    session.output.keep(instance=made, generated_passwords=shown_once)
    if wait:
        made = _watch(session, made, timeout, waiting.Watch.healthy)
        session.output.say(f"The instance {name} serves. Connect to it: trovectl instance connect {name}")
    session.output.document({"instance": made, "generated_passwords": shown_once})


def list_all(session: Session) -> None:
    """Lists the project's instances."""
    rows = session.client.every("/instances", "instances")
    session.output.document({"instances": rows})
    session.output.rows(
        ("ID", "NAME", "STATUS", "OPERATING STATUS", "DATASTORE", "ADDRESS", "PORT", "SIZE"),
        [(row["id"], row["name"], row["status"], row["operating_status"], _datastore(row), row.get("ip"), _ports(row),
          _size(row)) for row in rows])


def show(session: Session, name: InstanceName) -> None:
    """Shows one instance."""
    shown: Json = session.client.get(f"/instances/{session.find(name)['id']}")["instance"]
    session.output.document({"instance": shown})
    session.output.rows(("FIELD", "VALUE"), _fields(shown))


def connect(
    session: Session,
    name: InstanceName,
    user: Annotated[str | None, typer.Option(help="The user to log in as.", show_default="the only one")] = None,
    database: Annotated[str | None, typer.Option(
        help="The database to use.", show_default="the user's only one")] = None,
    execute: Annotated[str | None, typer.Option(
        "--execute", "-e", metavar="STATEMENT", help="Run this and return, in place of a prompt.")] = None,
    password_file: passwords.PasswordFile = None,
) -> None:
    """Opens the datastore's own client (mariadb, psql or redis-cli) on an instance. The password is asked for.

    With --json it prints where the instance is and connects to nothing.
    """
    where = connection.find(session.client, session.find(name), user, database)
    if session.output.as_json:
        session.output.document(where.document())
        return
    program = clients.client(where).find()
    clients.become(program, where, passwords.ask(where.user, password_file), execute)


def restart(session: Session, name: InstanceName, wait: Wait = False, timeout: Patience = waiting.PATIENCE) -> None:
    """Restarts the database server of an instance."""
    found = session.find(name)
    session.client.post(f"/instances/{found['id']}/action", {"restart": {}})
    if wait:
        found = _watch(session, found, timeout, waiting.Watch.healthy)
    else:
        found = session.client.get(f"/instances/{found['id']}")["instance"]
    session.output.document({"instance": found})
    session.output.say(f"The instance {found['name']} {'has restarted' if wait else 'is to restart'}.")


def stop(session: Session, name: InstanceName, wait: Wait = False, timeout: Patience = waiting.PATIENCE) -> None:
    """Takes the database server of an instance down, until somebody restarts it. For administrators."""
    found = _managed(session, name, "stop")
    if wait:
        _watch(session, found, timeout, waiting.Watch.ended)
    session.output.document({"instance": {"id": found["id"], "name": found["name"]}, "stopped": wait})
    session.output.say(f"The server of {found['name']} is {'down' if wait else 'to stop'}. Start it again: "
                       f"trovectl instance restart {found['name']}")


def reboot(session: Session, name: InstanceName, wait: Wait = False, timeout: Patience = waiting.PATIENCE) -> None:
    """Puts right what an instance has of its machine, and restarts its server. For administrators."""
    found = _managed(session, name, "reboot")
    if wait:
        _watch(session, found, timeout, waiting.Watch.healthy)
    session.output.document({"instance": {"id": found["id"], "name": found["name"]}, "rebooted": wait})
    session.output.say(f"The instance {found['name']} {'was rebooted' if wait else 'is to reboot'}.")


def ping(session: Session, name: InstanceName) -> None:
    """Asks the agent of an instance whether it is there. For administrators."""
    found = session.find(name)
    session.client.get(f"/mgmt/instances/{found['id']}/rpc_ping")
    session.output.document({"instance": {"id": found["id"], "name": found["name"]}, "answers": True})
    session.output.say(f"The agent of {found['name']} answers.")


def _managed(session: Session, name: str, action: str) -> Json:
    found = session.find(name)
    session.client.post(f"/mgmt/instances/{found['id']}/action", {action: {}})
    return found


def delete(
    session: Session,
    name: InstanceName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, on a terminal, whether you mean it.")] = False,
    wait: Wait = False,
    timeout: Patience = waiting.PATIENCE,
) -> None:
    """Deletes an instance with all of its data."""
    found = session.find(name)
    if not yes and output.is_asked_by_a_person():
        typer.confirm(f"Delete the instance {found['name']} ({found['id']}) with its data?", abort=True, err=True)
    session.client.delete(f"/instances/{found['id']}")
    if wait:
        _watch(session, found, timeout, waiting.Watch.gone)
    session.output.document({"instance": {"id": found["id"], "name": found["name"]}, "deleted": wait})
    session.output.say(f"The instance {found['name']} is {'gone' if wait else 'being deleted'}.")


def _watch(session: Session, instance: Json, patience: float, until: Callable[[waiting.Watch], T]) -> T:
    with progress.Steps() as steps:
        return until(waiting.Watch(session.client, instance, steps.tell, patience))


def _flavor(client: Client, wanted: str | None) -> str:
    """Its id. Raises Invalid with those that there are."""
    flavors = client.get("/flavors")["flavors"]
    if wanted is None:
        return str(min(flavors, key=lambda row: row["ram"])["str_id"])
    for row in flavors:
        if wanted in (row["str_id"], row["name"]):
            return str(row["str_id"])
    raise Invalid(f"There is no flavor {wanted}.", f"Choose one of: {', '.join(row['name'] for row in flavors)}.")


def _fields(shown: Json) -> list[tuple[str, object]]:
    fault = shown.get("fault") or {}
    fields = [
        ("id", shown["id"]), ("name", shown["name"]), ("status", shown["status"]),
        ("operating status", shown["operating_status"]), ("datastore", _datastore(shown)),
        ("address", shown.get("ip")), ("port", _ports(shown)), ("host", (shown.get("server") or {}).get("host")),
        ("flavor", shown["flavor"]["id"]), ("size", _size(shown)),
        ("used", _used(shown)), ("created", shown["created"]), ("updated", shown["updated"]),
        ("configuration", (shown.get("configuration") or {}).get("name")),
        ("restart for", ", ".join(shown.get("waiting_settings", ()))), ("fault", fault.get("message")),
    ]
    return [(field, value) for field, value in fields if value not in (None, "", [])]


def _datastore(row: Json) -> str:
    return f"{row['datastore']['type']} {row['datastore']['version']}"


def _ports(row: Json) -> list[int]:
    return [each["port"] for each in row.get("addresses", ())]


def _size(row: Json) -> str:
    return f"{row['volume']['size']} GB" if "volume" in row else ""


def _used(row: Json) -> str:
    used = (row.get("volume") or row.get("local_storage") or {}).get("used")
    return "" if used is None else f"{used} GB"
