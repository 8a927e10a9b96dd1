"""Everything at once for minutes: people create, restart and delete while whatever can die is killed.

``TROVE_SOAK_SEED`` repeats a run's decisions, ``TROVE_SOAK_SECONDS`` makes it shorter or longer.
"""

import os
import random
import threading
import time
from collections.abc import Callable

import pytest

from tests import ledger
from tests.chaos.test_killed_agent import agent_pid, broker_pid
from tests.installation import Installation, kill, sql

pytestmark = [pytest.mark.server, pytest.mark.long, pytest.mark.timeout(1800)]

SECONDS = float(os.environ.get("TROVE_SOAK_SECONDS", "480"))
SEED = int(os.environ.get("TROVE_SOAK_SEED") or random.SystemRandom().randrange(2**32))
MOST = 6
"""Instances at a time."""

PATIENCE = 300.0
"""Seconds in which everything comes to rest once nothing is killed any more."""

Act = Callable[[], object]


class Soak:
    """One run of random acts; ``living`` holds the ids that should be there in the end."""

    def __init__(self, installation: Installation, seed: int) -> None:
        self.living: list[str] = []
        self._installation = installation
        self._random = random.Random(seed)
        self._acts: dict[Act, int] = {
            self._create: 30, self._delete: 18, self._restart: 14,
            self._kill_control_plane: 8, self._kill_agent: 10, self._kill_server: 8, self._kill_broker: 2,
            self._stop_and_start: 3,
        }

    def run(self, seconds: float) -> None:
        pause, end = threading.Event(), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            act, = self._random.choices([*self._acts], [*self._acts.values()])
            act()
            pause.wait(min(left, self._random.expovariate(1.0)))

    def _create(self) -> None:
        if len(self.living) < MOST:
            self.living.append(self._installation.create(f"soak {len(self.living)}"))

    def _delete(self) -> None:
        if self.living:
            instance = self.living.pop(self._random.randrange(len(self.living)))
            self._say(f"delete {instance}")
            self._installation.delete(instance)

    def _restart(self) -> None:
        if instance := self._any():
            status, answer = self._installation.request("POST", f"/instances/{instance}/action", {"restart": {}})
            self._say(f"restart {instance}: {status}")
            assert status in (202, 409, 422), answer

    def _kill_control_plane(self) -> None:
        self._say("kill the control plane")
        kill(self._installation.pid)
        self._installation.up()

    def _stop_and_start(self) -> None:
        self._say("down and up")
        self._installation.down()
        self._installation.up()

    def _kill_agent(self) -> None:
        if (instance := self._any()) and (pid := agent_pid(self._installation, instance)):
            self._say(f"kill the agent of {instance}")
            _kill_if_there(pid)

    def _kill_server(self) -> None:
        if (instance := self._any()) and (pid := _server_pid(self._installation, instance)):
            self._say(f"kill the server of {instance}")
            _kill_if_there(pid)

    def _kill_broker(self) -> None:
        if pid := broker_pid(self._installation.state):
            self._say("kill the broker")
            _kill_if_there(pid)

    def _any(self) -> str | None:
        return self._random.choice(self.living) if self.living else None

    def _say(self, what: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def _kill_if_there(pid: int) -> None:
    try:
        kill(pid)
    except ProcessLookupError:
        return


def _server_pid(installation: Installation, instance: str) -> int:
    try:
        return installation.service_pid(instance, "database")
    except FileNotFoundError:
        return 0


def test_whatever_dies_the_end_is_what_was_asked_for(battered: Installation) -> None:
    print(f"TROVE_SOAK_SEED={SEED}")
    soak = Soak(battered, SEED)
    soak.run(SECONDS)
    for instance in soak.living:
        shown = battered.healthy(instance, PATIENCE)
        assert sql(shown, "anna", "secret-anna", "SELECT DATABASE()", "shop") == ["shop"]
    ledger.balanced(battered.state, set(soak.living), PATIENCE)
    for instance in soak.living:
        battered.delete(instance)
    ledger.balanced(battered.state, set(), PATIENCE)


def test_nothing_grows_in_a_control_plane_that_works(battered: Installation) -> None:
    """Threads and files after some rounds are those after the first one; memory settles."""
    def one_round() -> dict[str, int]:
        made = [battered.create(f"round {number}") for number in range(4)]
        for instance in made:
            battered.healthy(instance)
            assert battered.request("GET", f"/instances/{instance}/databases")[0] == 200
        for instance in made:
            battered.request("POST", f"/instances/{instance}/action", {"restart": {}})
        for instance in made:
            battered.healthy(instance)
            battered.delete(instance)
        ledger.balanced(battered.state, set(), PATIENCE)
        return ledger.consumption(battered.pid)

    battered.up()
    one_round()
    first = one_round()
    for _ in range(3):
        last = one_round()
    print(first, last)
    assert last["threads"] <= first["threads"] + 1
    assert last["files"] <= first["files"] + 2
    assert last["rss_mb"] <= first["rss_mb"] + 5
