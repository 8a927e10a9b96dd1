"""An installation with a guest that was stolen, and one that was not."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import ground
from tests.awaiting import until
from tests.hostile.stolen import Stolen
from tests.installation import Installation, installation


@dataclass
class Ground:
    """``thief`` is in somebody's hands, and its own agent is down; ``victim`` is an instance beside it."""

    installed: Installation
    thief: Stolen
    victim: str

    def row(self, instance: str) -> dict[str, Any]:
        """What the store has of an instance, the orders to its guest among it."""
        with sqlite3.connect(f"file:{self.installed.state}/trove.sqlite?mode=ro", uri=True) as store:
            store.row_factory = sqlite3.Row
            found = dict(store.execute("SELECT * FROM instances WHERE id = ?", [instance]).fetchone())
            orders = store.execute("SELECT id, state, error_code, ended_at FROM guest_orders WHERE instance_id = ?"
                                   " ORDER BY id", [instance]).fetchall()
        return found | {"orders": [tuple(order) for order in orders]}

    def settled(self, instance: str) -> dict[str, Any]:
        """The same without what each heartbeat of an honest agent changes."""
        changing = {"observed_at", "observed_sequence", "observed_clock_skew", "updated", "volume_used"}
        return {name: value for name, value in self.row(instance).items() if name not in changing}

    def dropped(self) -> dict[str, float]:
        """How many reports were not taken, by reason."""
        return self.installed.dropped_reports()

    def taken(self, word: str) -> None:
        """Returns when the conductor has come to what the thief says now, and so past all that came before."""
        self.thief.send(self.thief.report("heartbeat", heartbeat=self.thief.heartbeat(word)))
        until(lambda: self.row(self.thief.instance)["observed_sentence"] == word, 30, f"{word!r} is taken")

    def audited(self, instance: str) -> list[dict[str, Any]]:
        status, answer = self.installed.request("GET", "/mgmt/audit?limit=100")
        assert status == 200, answer
        return [row for row in answer["audit"] if instance in json.dumps(row)]


THREADS = 10
"""Of the API: few, so that a handful of requests could take them all."""


@pytest.fixture(scope="package")
def field() -> Iterator[Ground]:
    with ground.directory() as directory:
        state = directory / "state"
        state.mkdir(mode=0o711)
        (state / "trove.conf").write_text(f"[DEFAULT]\napi_threads = {THREADS}\n")
        yield from with_guests(state)


def with_guests(state: Path) -> Iterator[Ground]:
    with installation(state) as made:
        instances = [made.create(name, databases=(), engine="redis") for name in ("thief", "victim")]
        for instance in instances:
            made.healthy(instance)
        subprocess.run(["sv", "-w", "20", "down", made.home(instances[0]) / "services" / "agent"], check=True)
        yield Ground(made, Stolen.of(made, instances[0]), instances[1])
