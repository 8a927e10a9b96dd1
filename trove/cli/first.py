"""The first database, so that somebody who tries Trove has something to connect to."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from common.secret import Secret

from . import waiting
from .rest import Client, Json

NAME = "first"
DATABASE = "app"
USER = "app"
PATIENCE = 300.0


@dataclass(frozen=True)
class First:
    """An instance to connect to; ``password`` is None when it was there before, for nobody keeps it in clear."""

    name: str
    address: str
    port: int
    password: Secret | None

    def document(self) -> Json:
        return {"name": self.name, "address": self.address, "port": self.port, "user": USER, "database": DATABASE,
                "password": self.password.reveal() if self.password else None}


def ensure(client: Client, tell: Callable[[str], None]) -> First | None:
    """The first instance, made and waited for when the project has none; None when it has others.

    Raises EngineFailed with the fault, DeadlinePassed, and what the API refuses with.
    """
    listed = client.get("/instances")["instances"]
    if not listed:
        password = Secret(secrets.token_urlsafe(18))
        tell("Asks for a MariaDB instance.")
        made = client.post("/instances", {"instance": wanted(password)})["instance"]
        return _connection(_await(client, made, tell), password)
    known = next((row for row in listed if row["name"] == NAME), None)
    return _connection(_await(client, known, tell), None) if known else None


def wanted(password: Secret) -> Json:
    return {"name": NAME, "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": "mariadb"},
            "databases": [{"name": DATABASE}],
            "users": [{"name": USER, "password": password.reveal(), "databases": [{"name": DATABASE}]}]}


def _await(client: Client, instance: Json, tell: Callable[[str], None]) -> Json:
    said: list[str] = []

    def once(step: str, sentence: str, percent: float | None = None) -> None:
        if sentence not in said[-1:]:
            said.append(sentence)
            tell(sentence)

    return waiting.Watch(client, instance, once, PATIENCE).healthy()


def _connection(shown: Json, password: Secret | None) -> First:
    where = shown["addresses"][0]
    return First(shown["name"], where["address"], where["port"], password)
