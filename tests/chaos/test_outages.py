"""The control plane away for ten minutes, the broker for five, and both: nobody who uses a database may notice.

``TROVE_OUTAGE_SCALE`` makes the outages shorter, 0.1 say.
"""

import os
import signal
import time

import pytest

from tests import ledger
from tests.awaiting import until
from tests.chaos import outages
from tests.chaos.test_frozen_broker import HEARTBEAT
from tests.chaos.test_killed_agent import broker_pid
from tests.installation import CommandFailed, Installation, kill, sql

pytestmark = [pytest.mark.server, pytest.mark.long, pytest.mark.timeout(1800)]

SCALE = float(os.environ.get("TROVE_OUTAGE_SCALE", "1"))
CONTROL_PLANE_AWAY = 600 * SCALE
BROKER_AWAY = 300 * SCALE

QUEUED = 20
"""Messages that a queue may hold: heartbeats that nobody takes expire, whatever the outage takes."""


def pass_until(end: float, installation: Installation | None = None) -> None:
    """Looks at the queues meanwhile, if there is an installation with a broker to look at."""
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(5.0, left))
        assert installation is None or outages.overflowing(installation, QUEUED) == []


def observed_truly(installation: Installation, since: float, healthy: set[str], ill: frozenset[str] = frozenset()
                   ) -> bool:
    """Whether all of it was observed after ``since``, in seconds since 1970."""
    seen = outages.observed(installation)
    return (all(seen[each][1] > since for each in healthy | ill)
            and all(seen[each][0] == "healthy" for each in healthy)
            and all(seen[each][0] != "healthy" for each in ill))


def ask(installation: Installation, restarted: str, deleted: str) -> str:
    """One operation of each kind; the id of the instance that is to be created."""
    assert installation.request("POST", f"/instances/{restarted}/action", {"restart": {}})[0] == 202
    installation.delete(deleted)
    return installation.create("asked for")


def at_rest(installation: Installation, living: set[str], gone: set[str], began: float) -> None:
    """Everything asked for is done, nothing failed, and the books balance; then all of it is deleted."""
    for instance in sorted(living):
        assert sql(installation.healthy(instance), "anna", "secret-anna", "SELECT DATABASE()", "shop") == ["shop"]
    for instance in sorted(gone):
        installation.gone(instance)
    ledger.balanced(installation.state, living, 120)
    assert outages.failed_since(installation, began) == []
    for instance in sorted(living):
        installation.delete(instance)
    ledger.balanced(installation.state, set(), 120)


def test_the_control_plane_is_away(battered: Installation) -> None:
    began = time.time()
    names = kept, crashed, wounded = [battered.create(name) for name in ("kept", "crashed", "wounded")]
    shown = {name: battered.healthy(name) for name in names}
    with outages.writing(shown[kept]):
        kill(battered.pid)
        end = time.monotonic() + CONTROL_PLANE_AWAY
        server = battered.service_pid(crashed, "database")
        kill(server)
        until(lambda: battered.service_pid(crashed, "database") not in (0, server), 60, "its agent starts it again")
        until(lambda: outages.serves(shown[crashed]), 60, "it serves again")
        with outages.writing(shown[crashed]):
            pass_until(end, battered)
            stopped = battered.service_pid(wounded, "database")
            os.kill(stopped, signal.SIGSTOP)
            try:
                battered.up()
                back = time.time()
                until(lambda: observed_truly(battered, back - HEARTBEAT, {kept, crashed}, frozenset({wounded})),
                      HEARTBEAT, "what is observed is true")
                assert battered.show(kept)["operating_status"] == "HEALTHY"
                assert battered.show(wounded)["operating_status"] != "HEALTHY"
            finally:
                os.kill(stopped, signal.SIGCONT)
    at_rest(battered, set(names), set(), began)


def test_the_broker_is_away(battered: Installation) -> None:
    began = time.time()
    names = kept, first, second, third, fourth = [battered.create(f"number {number}") for number in range(5)]
    shown = {name: battered.healthy(name) for name in names}
    with outages.writing(shown[kept]):
        created = [ask(battered, first, third)]
        with outages.no_broker(battered):
            end = time.monotonic() + BROKER_AWAY
            created.append(ask(battered, second, fourth))
            until(lambda: waiting(battered) >= {("create", created[1]), ("restart", second), ("delete", fourth)}, 90,
                  "who asked is told what his operation waits for")
            pass_until(end)
            assert outages.failed_since(battered, began) == []
        until(lambda: outages.broker_answers(battered), 90, "the broker is back")
        back = time.time()
        until(lambda: observed_truly(battered, back, {kept}), HEARTBEAT, "what is observed is true")
        assert outages.overflowing(battered, QUEUED) == []
    at_rest(battered, {kept, first, second, *created}, {third, fourth}, began)


def waiting(installation: Installation) -> set[tuple[str, str]]:
    """(kind, instance id) of the operations that say that they wait for the broker, and when they look again."""
    status, answer = installation.request("GET", "/operations?state=running")
    assert status == 200
    return {(row["kind"], row["instance_id"]) for row in answer["operations"]
            if row["sentence"] == "Waits for the message broker." and row["next_try"]}


def test_both_are_away(battered: Installation) -> None:
    began = time.time()
    names = kept, restarted, deleted = [battered.create(f"number {number}") for number in range(3)]
    shown = {name: battered.healthy(name) for name in names}
    with outages.writing(shown[kept]):
        created = ask(battered, restarted, deleted)
        with outages.no_broker(battered):
            kill(battered.pid)
            pass_until(time.monotonic() + BROKER_AWAY)
            with pytest.raises(CommandFailed, match="is taken by another program"):
                battered.up()
        battered.up()
        back = time.time()
        until(lambda: observed_truly(battered, back - HEARTBEAT, {kept}), HEARTBEAT, "what is observed is true")
        assert broker_pid(battered.state)
    at_rest(battered, {kept, restarted, created}, {deleted}, began)
