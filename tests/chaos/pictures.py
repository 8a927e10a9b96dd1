"""What an instance looks like when all is done, without what differs between any two instances."""

import json
import sqlite3
import urllib.parse
from contextlib import closing
from functools import partial
from typing import Any

from tests.awaiting import until
from tests.installation import Installation, sql

OF_ITS_OWN = ("id", "name", "created", "updated", "addresses", "hostname", "ip", "links", "service_status_updated")
"""Of what REST shows."""

COLUMNS = ("task", "deleted_at IS NULL AS lives", "volume_gb", "flavor_id", "fault_message", '"order" IS NULL AS wiped',
           "key_epoch", "next_secrets IS NULL AS settled", "placement", "capabilities", "agent_version", "port",
           "configured")


def picture(installation: Installation, instance: str) -> dict[str, Any]:
    with closing(sqlite3.connect(f"file:{installation.state / 'trove.sqlite'}?mode=ro", uri=True)) as store:
        store.row_factory = sqlite3.Row
        row = store.execute(f"SELECT {', '.join(COLUMNS)} FROM instances WHERE id = ?", (instance,)).fetchone()
        own = {name: str(value).replace(instance, "ID") for name, value in dict(row).items()}
        if not row["lives"]:
            del own["configured"]  # what it had once, as lives differ in what happened to them
        seen = {"row": own, "operations": _pairs(store, "operations", "kind", "created", instance)}
        shown = installation.show(instance)
        if shown is None:
            return seen
        orders = _pairs(store, "guest_orders", "method", "asked_at", instance)
    return seen | {"orders": orders, "shown": _common(installation, shown), "served": _served(installation, shown),
                   "starts": starts(installation, instance)}


def starts(installation: Installation, instance: str) -> int:
    """How often the database server has come up, by its own account."""
    log = installation.home(instance) / "log" / "database" / "current"
    return log.read_text(errors="replace").count("ready for connections")


def _pairs(store: sqlite3.Connection, table: str, name: str, order: str, instance: str) -> list[tuple[str, str]]:
    rows = store.execute(f"SELECT {name}, state FROM {table} WHERE instance_id = ? ORDER BY {order}", (instance,))
    return [tuple(row) for row in rows]


def _common(installation: Installation, shown: dict[str, Any]) -> dict[str, Any]:
    common = {name: value for name, value in shown.items() if name not in OF_ITS_OWN}
    common["volume"] = {"size": shown["volume"]["size"]}
    return json.loads(json.dumps(common).replace(urllib.parse.urlsplit(installation.endpoint).netloc, "HERE"))


def _served(installation: Installation, shown: dict[str, Any]) -> dict[str, Any]:
    """What the guest says over REST, once it is there again, and what a client of the server sees."""
    def listed(what: str) -> tuple[int, Any] | None:
        status, answer = installation.request("GET", f"/instances/{shown['id']}/{what}")
        return None if status == 503 else (status, answer)

    answers = {what: until(partial(listed, what), 60, f"{what} of {shown['id']}") for what in ("databases", "users")}
    asked = "SELECT CURRENT_USER(), DATABASE(), @@max_connections"
    return answers | {"client": sql(shown, "anna", "secret-anna", asked, "shop")}
