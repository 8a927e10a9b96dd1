"""``trovectl root``: the superuser of an instance, open to the network or closed."""

from typing import Annotated

import typer

from common.secret import Secret

from . import passwords
from .session import InstanceName, Session, command


def register(group: typer.Typer) -> None:
    for name, function in (("enable", enable), ("show", show), ("disable", disable)):
        command(group, name)(function)


def enable(
    session: Session,
    instance: InstanceName,
    password: Annotated[bool, typer.Option("--password", help="Ask for the password.")] = False,
    password_file: passwords.PasswordFile = None,
) -> None:
    """Opens root to the network, with a password that is shown once unless you choose it. Again: with another one."""
    found = session.find(instance)
    chosen = passwords.choose("root", password_file, generate=False) if password or password_file else None
    body = {} if chosen is None else {"password": chosen.secret.reveal()}
    user = session.client.post(f"/instances/{found['id']}/root", body)["user"]
    drawn = passwords.Password(Secret(user["password"]), generated=chosen is None or chosen.generated)
    session.output.say(f"The superuser {user['name']} of the instance {found['name']} is open to the network.")
    shown_once = passwords.show(session.output, {user["name"]: drawn})
    session.output.document({"user": {"name": user["name"]}, "generated_passwords": shown_once})


def show(session: Session, instance: InstanceName) -> None:
    """Shows whether root is open to the network."""
    found = session.find(instance)
    is_open = bool(session.client.get(f"/instances/{found['id']}/root")["rootEnabled"])
    session.output.document({"root_enabled": is_open})
    session.output.say(f"The superuser of the instance {found['name']} is "
                       f"{'open to' if is_open else 'closed to'} the network.")


def disable(session: Session, instance: InstanceName) -> None:
    """Closes root to the network."""
    found = session.find(instance)
    session.client.delete(f"/instances/{found['id']}/root")
    session.output.document({"root_enabled": False})
    session.output.say(f"The superuser of the instance {found['name']} is closed to the network.")
