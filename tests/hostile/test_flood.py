"""A guest that sends as much as it can harms nobody: the others are answered as before, within a factor."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import amqp
import pytest

from common.openstack.rpc import names
from common.secret import Secret
from tests.awaiting import until
from tests.hostile.conftest import Ground
from tests.installation import Installation
from tests.trove.bus import amqp_peer

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="reads the files of agents")]

CALLS, ROUNDS = 20, 5
SLOWER = 2.0
CHECKOUT = Path(__file__).resolve().parents[2]
FLOODS = {"that opens with no key": "thief.to_guest", "in its own name": "thief.from_guest"}
_FLOOD = """
import sys
import amqp
from pathlib import Path
from tests.hostile.stolen import Stolen
from tests.installation import Installation
from common.openstack.rpc import names
thief = Stolen.of(Installation(Path(sys.argv[1])), sys.argv[2])
thief.boot += 1
key = {"thief.to_guest": thief.to_guest, "thief.from_guest": thief.from_guest}[sys.argv[3]]
with thief.channel() as channel:
    while True:
        body = thief.report("heartbeat", key=key, heartbeat=thief.heartbeat("flood " + str(thief.sequence)))
        try:
            channel.basic_publish_confirm(amqp.Message(body), names.reports(thief.instance), "conductor")
        except amqp.exceptions.MessageNacked:
            pass
"""


class Flood:
    """A process that sends all it can, until it is told to pause. It computes when nobody else wants to: on an instance
    of its own it would have processors of its own."""

    def __init__(self, field: Ground, key: str) -> None:
        self._process = subprocess.Popen(
            ["nice", "-n", "19", sys.executable, "-c", _FLOOD, str(field.installed.state), field.thief.instance, key],
            cwd=CHECKOUT)

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process.poll() is None
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self._process.kill()
        self._process.wait(30)


@contextmanager
def flood(field: Ground, key: str) -> Iterator[Flood]:
    going = Flood(field, key)
    try:
        yield going
    finally:
        going.end()


def calls(installed: Installation, instance: str) -> list[float]:
    """Milliseconds of each of some requests that are passed on to the guest."""
    took = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        assert installed.request("GET", f"/instances/{instance}/users")[0] == 200
        took.append(1000 * (time.perf_counter() - begun))
    return took


@contextmanager
def reports(field: Ground) -> Iterator[tuple[amqp.Channel, str]]:
    """A channel of the broker's administrator, and the queue of the thief's reports."""
    password = json.loads((field.installed.state / "rabbit" / "node.json").read_text())["password"]
    login = replace(field.thief.address, username="control", password=Secret(password))
    with amqp_peer.confirming_channel(login) as channel:
        yield channel, names.reports(field.thief.instance)


@pytest.mark.parametrize("what", FLOODS)
def test_the_others_are_answered_meanwhile(field: Ground, what: str) -> None:
    """Rounds with the flood and without it take turns, so that whatever else the machine does slows both."""
    victim, quiet, flooded = field.settled(field.victim), [], []
    with flood(field, FLOODS[what]) as going, reports(field) as (channel, queue):
        until(lambda: channel.queue_declare(queue, passive=True).message_count > 300, 60, "the flood is ahead")
        for _ in range(ROUNDS):
            flooded += calls(field.installed, field.victim)
            going.pause()
            quiet += calls(field.installed, field.victim)
            going.go_on()
    usual, meanwhile = statistics.median(quiet), statistics.median(flooded)
    print(f"a flood {what}: {usual:.1f} ms without it, {meanwhile:.1f} ms meanwhile")
    assert meanwhile <= SLOWER * usual
    assert field.settled(field.victim) == victim
    assert len([row for row in field.audited(field.thief.instance) if row["action"] == "guest.report"]) < 10
    with reports(field) as (channel, queue):  # what waits would be taken in time
        channel.queue_purge(queue)
    field.thief.boot += 2  # behind that of the flood
    field.taken("behind the flood")
