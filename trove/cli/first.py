"""The first database, so that somebody who tries Trove has something to connect to."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.errors import DeadlinePassed, EngineFailed
from common.secret import Secret

from .rest import Client

NAME = "first"
DATABASE = "app"
USER = "app"
PATIENCE = 300.0
LOOK_EVERY = 0.2


@dataclass(frozen=True)
class First:
    """An instance to connect to; ``password`` is None when it was there before, for nobody keeps it in clear."""

    name: str
    address: str
    port: int
    password: Secret | None


def ensure(client: Client, tell: Callable[[str], None]) -> First | None:
    """The first instance, made and waited for when the project has none; None when it has others.

    Raises EngineFailed with the fault, DeadlinePassed, and what the API refuses with.
    """
    listed = client.get("/instances")["instances"]
    if not listed:
        password = Secret(secrets.token_urlsafe(18))
        tell("Asks for a MariaDB instance.")
        made = client.post("/instances", {"instance": wanted(password)})["instance"]
        return _connection(_await(client, str(made["id"]), tell), password)
    known = next((row for row in listed if row["name"] == NAME), None)
    return _connection(_await(client, str(known["id"]), tell), None) if known else None


def wanted(password: Secret) -> dict[str, object]:
    return {"name": NAME, "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": "mariadb"},
            "databases": [{"name": DATABASE}],
            "users": [{"name": USER, "password": password.reveal(), "databases": [{"name": DATABASE}]}]}


def _await(client: Client, instance_id: str, tell: Callable[[str], None]) -> dict[str, Any]:
    """REST has no event to wait for, so it is looked at again and again."""
    until = time.monotonic() + PATIENCE
    said = ""
    while time.monotonic() < until:
        shown: dict[str, Any] = client.get(f"/instances/{instance_id}")["instance"]
        if shown["status"] == "ERROR":
            fault = shown.get("fault") or {}
            raise EngineFailed(f"The instance {shown['name']} failed: {fault.get('message', 'it does not say why.')}",
                               f"Delete it and try again: openstack database instance delete {shown['name']}")
        state = f"{shown['status']} {shown.get('operating_status', '')}".strip()
        if state == "ACTIVE HEALTHY":
            return shown
        if state != said:
            tell(f"The instance {shown['name']} is {state}.")
            said = state
        time.sleep(LOOK_EVERY)
    raise DeadlinePassed(f"The instance {instance_id} is not healthy after {PATIENCE:.0f} seconds.",
                         "See: openstack database instance show " + instance_id)


def _connection(shown: dict[str, Any], password: Secret | None) -> First:
    return First(shown["name"], shown["addresses"][0]["address"], 3306, password)
