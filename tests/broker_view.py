"""The private broker of an installation as its operator sees it, through the management interface on loopback."""

import json
from pathlib import Path
from typing import Any

from trove.standalone import rabbit


class BrokerView:
    """Reads what stands on the broker; changes nothing."""

    def __init__(self, state: Path) -> None:
        self._admin = rabbit.admin(state)

    def of_instance(self, instance: str) -> dict[str, list[str]]:
        """Queues, exchanges, logins and connections that carry the instance's id, by kind; empty when there is none."""
        found = {
            "queues": self._names("/api/queues", "name", instance),
            "exchanges": self._names("/api/exchanges", "name", instance),
            "logins": self._names("/api/users", "name", instance),
            "connections": self._names("/api/connections", "user", instance),
        }
        return {kind: names for kind, names in found.items() if names}

    def all_of(self, kind: str) -> list[str]:
        """The names of all ``queues``, ``exchanges`` or ``logins``."""
        return self._names({"logins": "/api/users"}.get(kind, f"/api/{kind}"), "name", "")

    def queues(self) -> list[dict[str, Any]]:
        """With ``name``, ``arguments`` and, once they are counted, ``messages``."""
        rows: list[dict[str, Any]] = json.loads(self._admin.get("/api/queues"))
        return rows

    def _names(self, path: str, key: str, word: str) -> list[str]:
        rows: list[dict[str, Any]] = json.loads(self._admin.get(path))
        return [str(row[key]) for row in rows if word in str(row[key])]
