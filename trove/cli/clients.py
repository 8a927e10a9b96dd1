"""Becoming a datastore's own client. The password reaches it past command lines, files and other people's eyes."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from common.errors import HostFailed, Invalid, Unsupported
from common.secret import Secret

from .connection import Where

_OPTION = str.maketrans({"\\": "\\\\", '"': '\\"', "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_WORD = str.maketrans({"\\": "\\\\", "'": "\\'"})
_FIELD = str.maketrans({"\\": "\\\\", ":": "\\:"})


@dataclass(frozen=True)
class Order:
    """A command line, and what comes into its environment. Descriptors that it names are open."""

    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Client:
    """A datastore's client: the names that its program goes by, the Debian package that has it, how it is started."""

    programs: tuple[str, ...]
    package: str
    order: Callable[[str, Where, Secret, str | None], Order]

    def find(self) -> str:
        """The program's path. Raises HostFailed."""
        found = next(filter(None, map(shutil.which, self.programs)), None)
        if found is None:
            raise HostFailed(f"The client {self.programs[0]} is not installed.", f"Run: apt-get install {self.package}")
        return found


def client(where: Where) -> Client:
    """Raises Unsupported."""
    if where.datastore not in CLIENTS:
        raise Unsupported(f"There is no client here for {where.datastore}.", "Use one of your own.")
    return CLIENTS[where.datastore]


def become(program: str, where: Where, password: Secret, execute: str | None) -> None:
    """Replaces this process by the client. Raises Invalid for what the client cannot be told."""
    order = client(where).order(program, where, password, execute)
    sys.stdout.flush()
    os.execve(program, order.argv, os.environ | order.environment)  # noqa: S606 - no shell is wanted


def mariadb(program: str, where: Where, password: Secret, execute: str | None) -> Order:
    """Options come from a pipe, which is empty afterwards."""
    reader, writer = os.pipe()
    os.write(writer, mariadb_options(where.user, password).encode())
    os.close(writer)
    os.set_inheritable(reader, True)
    argv = [program, f"--defaults-file=/dev/fd/{reader}", f"--host={where.address}", f"--port={where.port}"]
    if execute is not None:
        argv.append(f"--execute={execute}")
    return Order([*argv, "--", where.database] if where.database else argv)


def mariadb_options(user: str, password: Secret) -> str:
    """An option file of MariaDB's. A quote inside would end the text when it comes to looking for comments."""
    return "".join(("[client]\n", f'user="{user.translate(_OPTION)}"\n',
                    f'password="{password.reveal().translate(_OPTION)}"\n'))


def postgresql(program: str, where: Where, password: Secret, execute: str | None) -> Order:
    """The password is in a file in memory: libpq wants a plain one, and reads it again at ``\\connect``."""
    database = where.database or ("postgres" if where.user == "root" else "")
    if not database:
        raise Invalid("A session is in one database.", "Name it with --database.")
    secret = os.memfd_create("passfile", 0)
    os.fchmod(secret, 0o600)
    os.write(secret, f"*:*:*:*:{password.reveal().translate(_FIELD)}\n".encode())
    words = {"host": where.address, "port": str(where.port), "user": where.user, "dbname": database,
             "passfile": f"/dev/fd/{secret}"}
    told = " ".join(f"{name}='{value.translate(_WORD)}'" for name, value in words.items())
    argv = [program, "--no-password", f"--dbname={told}"]
    return Order(argv if execute is None else [*argv, f"--command={execute}"])


def redis(program: str, where: Where, password: Secret, execute: str | None) -> Order:
    """It takes a password from its environment or its command line alone; it starts nothing that inherits either."""
    if where.database and not where.database.isdecimal():
        raise Invalid("The databases of Redis have numbers.", "Name one with --database, or leave it out.")
    argv = [program, "-h", where.address, "-p", str(where.port), "--user", where.user, "-n", where.database or "0"]
    words = [] if execute is None else shlex.split(execute)
    return Order([*argv, *words], {"REDISCLI_AUTH": password.reveal()})


CLIENTS = {
    "mariadb": Client(("mariadb",), "mariadb-client-core", mariadb),
    "mysql": Client(("mysql", "mariadb"), "default-mysql-client", mariadb),
    "postgresql": Client(("psql",), "postgresql-client", postgresql),
    "redis": Client(("redis-cli", "valkey-cli"), "redis-tools", redis),
    "valkey": Client(("valkey-cli", "redis-cli"), "valkey-tools", redis),
}
"""By the datastore's name."""
