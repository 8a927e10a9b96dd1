"""``trovectl user``: who may log in to an instance, and to which databases."""

from typing import Annotated

import typer

from common.errors import Invalid

from . import passwords
from .rest import part
from .session import InstanceName, Session, command

UserName = Annotated[str, typer.Argument(metavar="USER", help="Name of a user, or name@host.")]
DatabaseNames = Annotated[list[str], typer.Argument(metavar="DATABASE...", help="Names of databases.")]


def register(group: typer.Typer) -> None:
    for name, function in (("create", create), ("list", list_all), ("update", update), ("delete", delete),
                           ("grant", grant), ("revoke", revoke)):
        command(group, name)(function)


def create(
    session: Session,
    instance: InstanceName,
    user: Annotated[str, typer.Argument(metavar="USER", help="Name of the new user.")],
    databases: Annotated[list[str] | None, typer.Option(
        "--database", help="A database that the user may use; may be repeated.")] = None,
    host: Annotated[str | None, typer.Option(help="Where the user may come from.", show_default="anywhere")] = None,
    password_file: passwords.PasswordFile = None,
    generate: passwords.Generate = False,
) -> None:
    """Makes a user. The password is asked for, read from a file, or generated and shown once."""
    found = session.find(instance)
    password = passwords.choose(user, password_file, generate)
    wanted = {"name": user, "password": password.secret.reveal(),
              "databases": [{"name": each} for each in databases or ()], **({"host": host} if host else {})}
    session.client.post(f"/instances/{found['id']}/users", {"users": [wanted]})
    session.output.say(f"The user {user} of the instance {found['name']} is made.")
    shown_once = passwords.show(session.output, {user: password})
    session.output.document({"user": {key: value for key, value in wanted.items() if key != "password"},
                             "generated_passwords": shown_once})


def list_all(session: Session, instance: InstanceName) -> None:
    """Lists the users of an instance."""
    rows = session.client.every(f"/instances/{session.find(instance)['id']}/users", "users")
    session.output.document({"users": rows})
    session.output.rows(("NAME", "HOST", "DATABASES"),
                        [(row["name"], row["host"], [each["name"] for each in row["databases"]]) for row in rows])


def update(
    session: Session,
    instance: InstanceName,
    user: UserName,
    name: Annotated[str | None, typer.Option(help="The user's new name.", show_default="as it is")] = None,
    host: Annotated[str | None, typer.Option(
        help="Where the user may come from now.", show_default="as it is")] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password.")] = False,
    password_file: passwords.PasswordFile = None,
    generate: passwords.Generate = False,
) -> None:
    """Changes the name, the host or the password of a user; connections that are open stay."""
    found = session.find(instance)
    changes = {key: value for key, value in (("name", name), ("host", host)) if value is not None}
    new = passwords.choose(user, password_file, generate) if password or password_file or generate else None
    if not changes and new is None:
        raise Invalid("Nothing is to change.", "Give --name, --host, --password, --password-file or "
                                               "--generate-password.")
    secret = {} if new is None else {"password": new.secret.reveal()}
    session.client.put(f"/instances/{found['id']}/users/{part(user)}", {"user": changes | secret})
    session.output.say(f"The user {user} of the instance {found['name']} is changed.")
    shown_once = passwords.show(session.output, {} if new is None else {name or user: new})
    session.output.document({"user": {"name": user} | changes, "generated_passwords": shown_once})


def delete(session: Session, instance: InstanceName, user: UserName) -> None:
    """Deletes a user."""
    found = session.find(instance)
    session.client.delete(f"/instances/{found['id']}/users/{part(user)}")
    session.output.document({"user": {"name": user}, "deleted": True})
    session.output.say(f"The user {user} of the instance {found['name']} is gone.")


def grant(session: Session, instance: InstanceName, user: UserName, databases: DatabaseNames) -> None:
    """Lets a user use databases."""
    found = session.find(instance)
    session.client.put(f"/instances/{found['id']}/users/{part(user)}/databases",
                       {"databases": [{"name": each} for each in databases]})
    session.output.document({"user": {"name": user}, "granted": databases})
    session.output.say(f"The user {user} may use {', '.join(databases)}.")


def revoke(session: Session, instance: InstanceName, user: UserName, databases: DatabaseNames) -> None:
    """Takes databases away from a user; the first one that cannot be taken ends it."""
    found = session.find(instance)
    for each in databases:
        session.client.delete(f"/instances/{found['id']}/users/{part(user)}/databases/{part(each)}")
    session.output.document({"user": {"name": user}, "revoked": databases})
    session.output.say(f"The user {user} may not use {', '.join(databases)} any more.")
