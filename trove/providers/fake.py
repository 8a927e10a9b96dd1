"""A provider for tests: a place is a file in a directory, so that it outlives a killed process as a real one would."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from common import datastores
from common.contract.placement import BusLogin, GuestKeys, Placed
from common.errors import NoSpace, TroveError
from common.findings import Finding, ok
from trove.domain.spots import Load, Spot

from .base import Wanted

PRESENT = "0" * 64
"""The release that new instances get."""
ADDRESSES = tuple(f"127.64.0.{last}" for last in range(1, 255))


class FakeProvider:
    """``on_placed`` is told of every place that is made or repaired, and of its release; ``fails`` holds
    errors to raise by method name."""

    name = "fake"

    def __init__(self, root: Path, on_placed: Callable[[str, str], None] | None = None) -> None:
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)
        self._on_placed = on_placed or (lambda instance_id, release: None)
        self.fails: dict[str, TroveError] = {}

    def hosts(self) -> tuple[str | None, ...]:
        return (None,)

    def find_spot(self, wanted: Wanted, loads: Sequence[Load]) -> Spot:
        self._maybe_fail("find_spot")
        taken = {load.spot.address for load in loads}
        for address in ADDRESSES:
            if address not in taken:
                return Spot(None, address, datastores.manifest(wanted.datastore).default_port)
        raise NoSpace("All addresses are in use.", "Delete an instance.")

    def preflight(self, wanted: Wanted, bus: BusLogin) -> tuple[Finding, ...]:
        self._maybe_fail("preflight")
        return (ok("fake", "This is a fake."),)

    def place(self, wanted: Wanted, bus: BusLogin, keys: GuestKeys) -> Placed:
        self._maybe_fail("place")
        self._file(wanted.instance_id).write_text(json.dumps({"address": wanted.found().address, "user": bus.username}))
        release = wanted.release or PRESENT
        self._on_placed(wanted.instance_id, release)
        return Placed(instance_id=wanted.instance_id, limits="none", volume="none", trust="one domain",
                      notes=("This is a fake.",), release=release)

    def unplace(self, instance_id: str, host: str | None) -> None:
        self._maybe_fail("unplace")
        self._file(instance_id).unlink(missing_ok=True)

    def grow(self, instance_id: str, host: str | None, volume_gb: int) -> None:
        self._maybe_fail("grow")

    def placed(self, host: str | None) -> frozenset[str]:
        return frozenset(file.stem for file in self._root.glob("*.json"))

    def deliver(self, release: str | None, host: str | None) -> str:
        self._maybe_fail("deliver")
        return f"/releases/{release or PRESENT}"

    def _file(self, instance_id: str) -> Path:
        return self._root / f"{instance_id}.json"

    def _maybe_fail(self, method: str) -> None:
        if method in self.fails:
            raise self.fails[method]
