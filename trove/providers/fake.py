"""A provider for tests: a place is a file in a directory, so that it outlives a killed process as a real one would."""

import json
from collections.abc import Callable
from pathlib import Path

from common.contract.placement import BusLogin, GuestKeys, Placed
from common.errors import NoSpace, TroveError

from .base import Wanted

ADDRESSES = tuple(f"127.64.0.{last}" for last in range(1, 255))


class FakeProvider:
    """``on_placed`` is told of every place that is made or repaired; ``fails`` holds errors to raise by method name."""

    name = "fake"

    def __init__(self, root: Path, on_placed: Callable[[str], None] | None = None) -> None:
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)
        self._on_placed = on_placed or (lambda instance_id: None)
        self.fails: dict[str, TroveError] = {}

    def allocate_address(self, instance_id: str, taken: frozenset[str]) -> str:
        self._maybe_fail("allocate_address")
        for address in ADDRESSES:
            if address not in taken:
                return address
        raise NoSpace("All addresses are in use.", "Delete an instance.")

    def place(self, wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        self._maybe_fail("place")
        self._file(wanted.instance_id).write_text(json.dumps({"address": wanted.address, "user": bus.username}))
        self._on_placed(wanted.instance_id)
        return Placed(instance_id=wanted.instance_id, limits="none", volume="none", trust="one domain",
                      notes=("This is a fake.",))

    def unplace(self, instance_id: str) -> None:
        self._maybe_fail("unplace")
        self._file(instance_id).unlink(missing_ok=True)

    def grow(self, instance_id: str, volume_gb: int) -> None:
        self._maybe_fail("grow")

    def placed(self) -> frozenset[str]:
        return frozenset(file.stem for file in self._root.glob("*.json"))

    def _file(self, instance_id: str) -> Path:
        return self._root / f"{instance_id}.json"

    def _maybe_fail(self, method: str) -> None:
        if method in self.fails:
            raise self.fails[method]
