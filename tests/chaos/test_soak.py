"""Everything at once for minutes: people create, restart and delete while whatever can die is killed.

Fifty creations and as good as fifty deletions in ten minutes. ``TROVE_SOAK_SEED`` repeats a run's decisions,
``TROVE_SOAK_SECONDS`` makes it shorter or longer.
"""

import os
import random
import threading
import time
from collections.abc import Callable

import pytest

from tests import ledger
from tests.awaiting import until
from tests.chaos.test_killed_agent import agent_pid, broker_pid
from tests.installation import Installation, kill, sql

pytestmark = [pytest.mark.server, pytest.mark.long, pytest.mark.timeout(1800)]

SECONDS = float(os.environ.get("TROVE_SOAK_SECONDS", "600"))
SEED = int(os.environ.get("TROVE_SOAK_SEED") or random.SystemRandom().randrange(2**32))
SCALE = SECONDS / 600
CREATES = max(6, round(50 * SCALE))
KEPT = 5
"""Of the created instances, those that nobody deletes before everything has come to rest."""

MOST = 8
"""Instances at a time."""

PATIENCE = 300.0
"""Seconds in which everything comes to rest once nothing is killed any more."""

FORGOTTEN = 330.0
"""Seconds after which the broker has dropped the queues of a control plane that was killed."""

Act = Callable[[], object]


class Soak:
    """One run of random acts at random moments; ``living`` holds the ids that should be there in the end."""

    def __init__(self, installation: Installation, seed: int) -> None:
        self.living: list[str] = []
        self.created = self.deleted = 0
        self._installation = installation
        self._random = random.Random(seed)
        self._acts: dict[Act, int] = {
            self._churn: CREATES + CREATES - KEPT, self._restart: round(30 * SCALE),
            self._kill_control_plane: round(14 * SCALE), self._kill_agent: round(22 * SCALE),
            self._kill_server: round(18 * SCALE), self._kill_broker: max(1, round(5 * SCALE)),
            self._stop_and_start: max(1, round(4 * SCALE)),
        }

    def run(self, seconds: float) -> None:
        """Takes longer where the acts do."""
        acts = [act for act, times in self._acts.items() for _ in range(times)]
        self._random.shuffle(acts)
        moments = sorted(self._random.uniform(0, seconds) for _ in acts)
        pause, began = threading.Event(), time.monotonic()
        for act, moment in zip(acts, moments, strict=True):
            pause.wait(max(0.0, began + moment - time.monotonic()))
            act()

    def _churn(self) -> None:
        """A creation or a deletion: at random, and in the end as many of each as there should be."""
        creations, deletions = CREATES - self.created, CREATES - KEPT - self.deleted
        if not self.living or (len(self.living) < MOST and self._random.random() * (creations + deletions) < creations):
            self._create()
        else:
            self._delete()

    def _create(self) -> None:
        self.living.append(self._installation.create(f"soak {self.created}"))
        self.created += 1
        self._say(f"create {self.living[-1]}")

    def _delete(self) -> None:
        instance = self.living.pop(self._random.randrange(len(self.living)))
        self._say(f"delete {instance}")
        self._installation.delete(instance)
        self.deleted += 1

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
    _lift_quota(battered)
    soak = Soak(battered, SEED)
    soak.run(SECONDS)
    assert (soak.created, len(soak.living)) == (CREATES, KEPT)
    for instance in soak.living:
        shown = battered.healthy(instance, PATIENCE)
        assert sql(shown, "anna", "secret-anna", "SELECT DATABASE()", "shop") == ["shop"]
    ledger.balanced(battered.state, set(soak.living), PATIENCE)
    for instance in soak.living:
        battered.delete(instance)
    ledger.balanced(battered.state, set(), PATIENCE)
    until(lambda: ledger.foreign_queues(battered.state) == {"events": 1, "reply": 1}, FORGOTTEN, "queues are dropped")


def _lift_quota(installation: Installation) -> None:
    """What is still being removed counts, and waits for a broker that was killed."""
    installation.down()
    (installation.state / "trove.conf").write_text("[DEFAULT]\nmax_instances_per_tenant = -1\n")
    installation.up()


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
