"""``trovectl configuration``: groups of settings, what they would do, and which instances have them."""

from typing import Annotated

import typer

from common.errors import Conflict, Invalid, NotFound

from . import progress, rest, waiting
from .rest import Json, part
from .session import InstanceName, Session, command, completed

Group = Annotated[str, typer.Argument(
    metavar="CONFIGURATION", help="Name or id of a group.", autocompletion=completed("/configurations",
                                                                                      "configurations"))]
Values = Annotated[list[str], typer.Argument(metavar="NAME=VALUE…", help="Settings, such as max_connections=200.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the server has its settings.")]


def register(group: typer.Typer) -> None:
    for name, function in (("create", create), ("list", list_all), ("show", show), ("set", set_values),
                           ("unset", unset), ("delete", delete), ("plan", plan), ("attach", attach),
                           ("detach", detach), ("instances", instances)):
        command(group, name)(function)


def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.")],
    values: Values,
    datastore: Annotated[str | None, typer.Option(
        metavar="NAME", help="Its datastore.", show_default="the default one")] = None,
    version: Annotated[str | None, typer.Option(
        metavar="NAME", help="Its version.", show_default="the default one")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Undo what somebody changes of these in a server.")] = False,
) -> None:
    """Makes a group of settings for one datastore version."""
    body: dict[str, object] = {"name": name, "values": _pairs(values), "repair": repair}
    chosen = {key: value for key, value in (("type", datastore), ("version", version)) if value}
    body |= {key: value for key, value in (("datastore", chosen), ("description", description)) if value}
    made = session.client.post("/configurations", {"configuration": body})["configuration"]
    session.output.document({"configuration": made})
    session.output.say(f"The configuration {made['name']} is made: {made['id']}.")


def list_all(session: Session) -> None:
    """Lists the groups of settings."""
    rows = session.client.every("/configurations", "configurations")
    session.output.document({"configurations": rows})
    session.output.rows(("ID", "NAME", "DATASTORE", "VERSION"), [
        (row["id"], row["name"], row["datastore_name"], row["datastore_version_name"]) for row in rows])


def show(session: Session, configuration: Group) -> None:
    """Shows a group with its settings."""
    row = _find(session, configuration)
    session.output.document({"configuration": row})
    session.output.rows(("FIELD", "VALUE"), [
        ("id", row["id"]), ("name", row["name"]), ("description", row["description"] or ""),
        ("datastore", f"{row['datastore_name']} {row['datastore_version_name']}"),
        ("instances", row["instance_count"]), ("repair", "yes" if row["repair"] else "no"),
        *((f"  {name}", value) for name, value in sorted(row["values"].items()))])


def set_values(session: Session, configuration: Group, values: Values) -> None:
    """Adds settings to a group, or gives them other values; every instance that has it gets them."""
    found = _find(session, configuration)
    session.client.patch(f"/configurations/{found['id']}", {"configuration": {"values": _pairs(values)}})
    _tell_changed(session, found)


def unset(
    session: Session,
    configuration: Group,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Names of settings.")],
) -> None:
    """Takes settings out of a group; instances go back to what they have without it."""
    found = _find(session, configuration)
    missing = [name for name in names if name not in found["values"]]
    if missing:
        raise NotFound(f"The configuration {found['name']} does not set {', '.join(missing)}.",
                       f"See: trovectl configuration show {found['id']}.")
    left = {name: value for name, value in found["values"].items() if name not in names}
    session.client.put(f"/configurations/{found['id']}", {"configuration": {"values": left}})
    _tell_changed(session, found)


def delete(session: Session, configuration: Group) -> None:
    """Deletes a group that no instance has."""
    found = _find(session, configuration)
    session.client.delete(f"/configurations/{found['id']}")
    session.output.document({"configuration": {"id": found["id"]}, "deleted": True})
    session.output.say(f"The configuration {found['name']} is gone.")


def plan(
    session: Session,
    configuration: Group,
    values: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE…", help="Settings to be added.")] = None,
    instance: Annotated[str | None, typer.Option(
        metavar="INSTANCE", help="Plan to attach it to this one.", show_default="those that have it")] = None,
) -> None:
    """Says what changes in each instance, and whether it has to be restarted; changes nothing."""
    found = _find(session, configuration)
    if instance is not None and values:
        raise Invalid("Values and --instance exclude one another.", "Ask for one plan after the other.")
    if instance is not None:
        target = session.find(instance)
        answer = session.client.put(f"/instances/{target['id']}?dry_run=true",
                                    {"instance": {"configuration": found["id"]}})
    else:
        answer = session.client.patch(f"/configurations/{found['id']}?dry_run=true",
                                      {"configuration": {"values": _pairs(values or [])}})
    session.output.document(answer)
    session.output.rows(("INSTANCE", "PARAMETER", "IS", "BECOMES", "RESTART"), [
        (each["instance"]["name"], change["name"], change["was"] or "?", change["becomes"] or "?",
         "yes" if change["restart_required"] else "") for each in answer["plan"] for change in each["changes"]])


def attach(session: Session, instance: InstanceName, configuration: Group, wait: Wait = True) -> None:
    """Gives an instance a group of settings."""
    _configure(session, session.find(instance), _find(session, configuration)["id"], wait)


def detach(session: Session, instance: InstanceName, wait: Wait = True) -> None:
    """Takes its group of settings from an instance."""
    _configure(session, session.find(instance), None, wait)


def instances(session: Session, configuration: Group) -> None:
    """Lists the instances that have a group, and whether its settings are in force there."""
    rows = session.client.every(f"/configurations/{_find(session, configuration)['id']}/instances", "instances")
    session.output.document({"instances": rows})
    session.output.rows(("ID", "NAME", "SETTINGS"), [
        (row["id"], row["name"], row["settings"].replace("_", " ")) for row in rows])


def _configure(session: Session, found: Json, configuration: str | None, wait: bool) -> None:
    body = {"instance": {"configuration": configuration}}
    planned = session.client.put(f"/instances/{found['id']}?dry_run=true", body)["plan"]
    session.client.put(f"/instances/{found['id']}", body)
    if wait:
        with progress.Steps() as steps:
            waiting.Watch(session.client, found, steps.tell).ended()
    shown = session.client.get(f"/instances/{found['id']}")["instance"]
    session.output.document({"instance": shown})
    names = ", ".join(change["name"] for each in planned for change in each["changes"] if change["restart_required"])
    session.output.say(f"The instance {found['name']} " + (
        f"has to be restarted for: {names}." if names else "has its settings." if wait else "gets its settings."))


def _tell_changed(session: Session, found: Json) -> None:
    shown = session.client.get(f"/configurations/{found['id']}")["configuration"]
    session.output.document({"configuration": shown})
    session.output.say(f"The configuration {found['name']} is changed; {shown['instance_count']} instances get it."
                       f" See: trovectl configuration instances {found['id']}.")


def _find(session: Session, name: str) -> Json:
    """By id or name. Raises NotFound, and Conflict for a name that several bear."""
    if not rest.is_id(name):
        named = [row for row in session.client.every("/configurations", "configurations") if row["name"] == name]
        if not named:
            raise NotFound(f"There is no configuration {name}.", "See: trovectl configuration list.")
        if len(named) > 1:
            raise Conflict(f"{len(named)} configurations are called {name}.",
                           f"Name one by its id: {', '.join(row['id'] for row in named)}.")
        name = named[0]["id"]
    found: Json = session.client.get(f"/configurations/{part(name)}")["configuration"]
    return found


def _pairs(values: list[str]) -> dict[str, str]:
    """Raises Invalid."""
    wrong = [each for each in values if "=" not in each or each.startswith("=")]
    if wrong:
        raise Invalid(f"{wrong[0]!r} is no setting.", "Write it as NAME=VALUE.")
    return {name.strip(): value.strip() for name, _, value in (each.partition("=") for each in values)}
