"""Where an instance listens, and as whom somebody is to log in there."""

from dataclasses import dataclass

from common.errors import Invalid, NotReady

from .rest import Client, Json, part


@dataclass(frozen=True)
class Where:
    """What a client connects to; an empty ``database`` is none."""

    datastore: str
    address: str
    port: int
    user: str
    database: str

    def document(self) -> Json:
        return {"address": self.address, "port": self.port, "user": self.user, "database": self.database or None}


def find(client: Client, instance: Json, user: str | None, database: str | None) -> Where:
    """``user`` and ``database`` default to the only one. Raises Invalid where there are several, NotReady."""
    if not instance.get("addresses"):
        raise NotReady(f"The instance {instance['name']} has no address yet.", "Wait until it is ACTIVE.")
    if user is None or (database is None and user != "root"):
        row = _user(client, instance, user)
        user, granted = row["name"], [each["name"] for each in row["databases"]]
        database = granted[0] if database is None and len(granted) == 1 else database
    where = instance["addresses"][0]
    return Where(instance["datastore"]["type"], where["address"], where["port"], user, database or "")


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
