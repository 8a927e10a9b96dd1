"""Every request that REST knows, found in its own description: what a new route adds is here by itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from trove.api.description import document, reading
from trove.api.resources.management import ACTIONS as MANAGED
from trove.api.routes import PROJECT, ROUTES

_ACTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "/instances/{instance_id}/action": (
        {"restart": {}}, {"reset_status": {}}, {"reset_status": {"force_delete": {}}}, {"upgrade_agent": {}},
        {"rotate_keys": {}}),
    "/operations/{operation_id}": ({"retry": {}}, {"cancel": {}}),
    "/mgmt/hosts/{host}/action": ({"check": {}}, {"drain": {}}, {"activate": {}}, {"lose": {}}),
    "/mgmt/instances/{instance_id}/action": tuple({name: {}} for name in MANAGED),
}
"""What a POST there does depends on the one key of its body."""


@dataclass(frozen=True)
class Call:
    """``path`` is below the project, with the names of its parts in braces; ``body`` one that it takes, or None."""

    method: str
    path: str
    body: Any

    @property
    def words(self) -> str:
        """With the action, where there is one."""
        acts = isinstance(self.body, dict) and self.path in _ACTIONS and self.method == "POST"
        return f"{self.method} {self.path}{f' {_action(self.body)}' if acts else ''}"

    def at(self, parts: Mapping[str, str]) -> str:
        return self.path.format(**parts)


@cache
def calls() -> tuple[Call, ...]:
    """Below a project, all of them."""
    described = reading.read(document.make(ROUTES))
    return tuple(each for group in described.groups for call in group.calls for each in _found(call))


def _found(call: reading.Call) -> Iterator[Call]:
    path = call.path.removeprefix(PROJECT)
    if path != call.path:
        example = call.body.example if call.body else None
        for body in _ACTIONS.get(path, (example,)) if call.method == "POST" else (example,):
            yield Call(call.method, path, body)


def _action(body: Any) -> str:
    [(name, argument)] = body.items()
    return " ".join((name, *argument))
