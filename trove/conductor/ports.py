"""The bus as the conductor sees it."""

from collections.abc import Callable
from typing import Any, Protocol


class Events(Protocol):
    """``trove.bus.Events``. Publishing never fails; callbacks run on the bus thread and must not wait."""

    def publish(self, key: str, **ids: object) -> None: ...
    def subscribe(self, pattern: str, callback: Callable[[str, dict[str, Any]], None]) -> object: ...


class Reports(Protocol):
    """``trove.bus.reports.ConductorServer``: whose reports are taken. Nothing here waits."""

    def watch(self, instance_id: str) -> None: ...
    def unwatch(self, instance_id: str) -> None: ...
