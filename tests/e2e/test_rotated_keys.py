"""A serving guest gets other keys and another login: nobody notices but who has the former ones, which open nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import amqp
import pytest

from common.contract import types as t
from common.crypto import Unopened
from common.openstack.rpc import names, sealing
from common.openstack.rpc.link import BusAddress
from tests.awaiting import until
from tests.chaos.writers import Writer
from tests.hostile.stolen import Stolen
from tests.installation import Installation, kill
from tests.trove.bus.amqp_peer import connect

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def instance(installed: Installation) -> Iterator[str]:
    made = installed.create("rotated")
    installed.healthy(made)
    yield made
    installed.delete(made)
    installed.gone(made)


def refused(address: BusAddress) -> bool:
    try:
        connect(address).close()
    except amqp.AccessRefused:
        return True
    return False


def cut(connection: amqp.Connection) -> bool:
    """Whether the broker has closed it."""
    try:
        connection.drain_events(timeout=0.2)
    except TimeoutError:
        return False
    except (OSError, amqp.AMQPError):
        return True
    return False


def test_the_former_keys_and_login_open_nothing(installed: Installation, instance: str) -> None:
    shown, home = installed.healthy(instance), installed.home(instance)
    before = Stolen.of(installed, instance)
    pids = [installed.service_pid(instance, name) for name in ("agent", "database")]
    thief = connect(before.address)
    with Writer(shown) as writer:
        assert "1 agents have new keys." in installed.trovectl("instance", "rotate-keys", "rotated")
    assert writer.failed == [] and writer.written > 0
    assert [installed.service_pid(instance, name) for name in ("agent", "database")] == pids
    after = Stolen.of(installed, instance)
    assert (before.epoch, after.epoch) == (1, 2) and before.address.username != after.address.username
    until(lambda: cut(thief), 10, "the former login's connection is cut")
    assert refused(before.address) and not refused(after.address)
    with pytest.raises(Unopened):
        sealing.unseal(after.from_guest, sealing.seal(before.from_guest, sealing.Reply(
            message_id="m", incarnation="i")), sealing.Reply)
    assert installed.request("GET", f"/instances/{instance}/users")[0] == 200
    assert (home / "config" / "20-secrets.conf").stat().st_mode & 0o777 == 0o600


def test_who_has_the_former_keys_and_the_present_login_is_not_believed(installed: Installation, instance: str) -> None:
    before = Stolen.of(installed, instance)
    installed.trovectl("instance", "rotate-keys", "rotated")
    after, refused_before = Stolen.of(installed, instance), sum(installed.dropped_reports().values())
    for claimed in (before.epoch, after.epoch, after.epoch + 1):
        lie = before.heartbeat("All is lost.", t.Stamp(key_epoch=claimed, boot_count=99, sequence=1))
        after.send(before.report("heartbeat", heartbeat=lie))
    until(lambda: sum(installed.dropped_reports().values()) == refused_before + 3, 20, "the lies are refused")
    assert installed.healthy(instance)["status"] == "ACTIVE"


def test_an_agent_that_dies_afterwards_comes_back_under_the_new_keys(installed: Installation, instance: str) -> None:
    installed.trovectl("instance", "rotate-keys", "rotated")
    agent = installed.service_pid(instance, "agent")
    kill(agent)
    until(lambda: installed.service_pid(instance, "agent") not in (0, agent), 30, "another life of the agent")
    until(lambda: installed.request("GET", f"/instances/{instance}/users")[0] == 200, 60, "the agent answers")


def test_a_deleted_guest_has_no_login_and_its_connections_are_cut(installed: Installation) -> None:
    gone = installed.create("short-lived")
    installed.healthy(gone)
    stolen = Stolen.of(installed, gone)
    thief = connect(stolen.address)
    channel = thief.channel()
    assert channel.queue_declare(names.guest_queue(gone), passive=True).queue
    ca = Path(stolen.address.ca_file).read_bytes()  # goes with the place
    installed.delete(gone)
    installed.gone(gone)
    until(lambda: cut(thief), 10, "the deleted guest's connection is cut")
    kept = installed.state / "kept-ca.pem"
    kept.write_bytes(ca)
    assert refused(replace(stolen.address, ca_file=str(kept)))
    kept.unlink()
