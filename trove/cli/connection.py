"""Becoming a database client: where an instance listens, as whom, and the password past every eye."""

import os
import shutil
import sys
from dataclasses import dataclass

from common.errors import HostFailed, Invalid, NotReady, Unsupported
from common.secret import Secret

from .rest import Client, Json, part

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


@dataclass(frozen=True)
class Where:
    """What a client connects to; an empty ``database`` is none."""

    address: str
    port: int
    user: str
    database: str

    def document(self) -> Json:
        return {"address": self.address, "port": self.port, "user": self.user, "database": self.database or None}


def find(client: Client, instance: Json, user: str | None, database: str | None) -> Where:
    """``user`` and ``database`` default to the only one. Raises Invalid where there are several, NotReady."""
    if instance["datastore"]["type"] != "mariadb":
        raise Unsupported(f"There is no client here for {instance['datastore']['type']}.", "Use one of your own.")
    if not instance.get("addresses"):
        raise NotReady(f"The instance {instance['name']} has no address yet.", "Wait until it is ACTIVE.")
    if user is None or (database is None and user != "root"):
        row = _user(client, instance, user)
        user, granted = row["name"], [each["name"] for each in row["databases"]]
        database = granted[0] if database is None and len(granted) == 1 else database
    where = instance["addresses"][0]
    return Where(where["address"], where["port"], user, database or "")


def client() -> str:
    """The MariaDB client's path. Raises HostFailed."""
    if (program := shutil.which("mariadb")) is None:
        raise HostFailed("The MariaDB client is not installed.", "Run: apt-get install mariadb-client-core")
    return program


def become(program: str, where: Where, password: Secret, execute: str | None) -> None:
    """Replaces this process by the client, which reads the password from a pipe that is empty afterwards."""
    reader, writer = os.pipe()
    os.write(writer, options(where.user, password).encode())
    os.close(writer)
    os.set_inheritable(reader, True)
    sys.stdout.flush()
    os.execv(program, arguments(program, where, reader, execute))  # noqa: S606 - no shell is wanted


def arguments(program: str, where: Where, descriptor: int, execute: str | None) -> list[str]:
    wanted = [program, f"--defaults-file=/dev/fd/{descriptor}", f"--host={where.address}", f"--port={where.port}"]
    if execute is not None:
        wanted.append(f"--execute={execute}")
    return [*wanted, "--", where.database] if where.database else wanted


def options(user: str, password: Secret) -> str:
    """An option file of MariaDB's. A quote inside would end the text when it comes to looking for comments."""
    return "".join(("[client]\n", f'user="{user.translate(_ESCAPES)}"\n',
                    f'password="{password.reveal().translate(_ESCAPES)}"\n'))


def _user(client: Client, instance: Json, name: str | None) -> Json:
    """The row of a user; the only one's when no name is given. Raises Invalid, NotFound."""
    if name is not None:
        found: Json = client.get(f"/instances/{instance['id']}/users/{part(name)}")["user"]
        return found
    users = client.every(f"/instances/{instance['id']}/users", "users")
    if len(users) != 1:
        names = ", ".join(row["name"] for row in users)
        raise Invalid(f"The instance {instance['name']} has {len(users)} users.",
                      f"Name one with --user: {names}." if users else
                      f"Make one: trovectl user create {instance['name']} NAME")
    return users[0]
