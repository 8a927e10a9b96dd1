"""What a stolen guest's login is good for at the broker of an installation: its orders, its reports, and no more."""

import os
from collections.abc import Callable, Iterator

import amqp
import pytest

from common.openstack.rpc import names
from tests.hostile.conftest import Ground
from tests.trove.bus import amqp_peer

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="reads the files of agents")]

Way = Callable[[amqp.Channel, str, str], object]
"""Given its own instance and the victim."""


def written(exchange: str, key: str) -> Way:
    def write(channel: amqp.Channel, own: str, victim: str) -> None:
        there = {"own": own, "victim": victim}
        channel.basic_publish_confirm(amqp.Message("stolen"), exchange.format(**there), key.format(**there))
    return write


REFUSED: dict[str, Way] = {
    "reads another's orders": lambda channel, own, victim: channel.basic_consume(names.guest_queue(victim)),
    "takes one of another's orders": lambda channel, own, victim: channel.basic_get(names.guest_queue(victim)),
    "reads another's reports": lambda channel, own, victim: channel.basic_get(names.reports(victim)),
    "reads its own reports": lambda channel, own, victim: channel.basic_get(names.reports(own)),
    "empties another's orders": lambda channel, own, victim: channel.queue_purge(names.guest_queue(victim)),
    "orders another by the control plane's exchange": written("trove", "guestagent.{victim}"),
    "orders another by the default exchange": written("", "guestagent.{victim}"),
    "reports as another": written("guest.{victim}.up", "conductor"),
    "tells the control plane news": written("trove.events", "instance.{victim}.hello"),
    "uses an exchange that every broker has": written("amq.topic", "guestagent.{victim}"),
    "declares a queue": lambda channel, own, victim: channel.queue_declare("mine"),
    "declares a reply queue": lambda channel, own, victim: channel.queue_declare("reply_" + "0" * 32),
    "declares an exchange": lambda channel, own, victim: channel.exchange_declare("mine", "topic"),
    "binds its queue to another's orders": lambda channel, own, victim: channel.queue_bind(
        names.guest_queue(own), "trove", names.guest_queue(victim)),
    "binds its exchange to all orders": lambda channel, own, victim: channel.exchange_bind(
        names.reports(own), "trove", "#"),
    "unbinds another's orders": lambda channel, own, victim: channel.queue_unbind(
        names.guest_queue(victim), "trove", names.guest_queue(victim)),
    "deletes its queue": lambda channel, own, victim: channel.queue_delete(names.guest_queue(own)),
    "deletes another's queue": lambda channel, own, victim: channel.queue_delete(names.guest_queue(victim)),
    "deletes another's exchange": lambda channel, own, victim: channel.exchange_delete(names.reports(victim)),
    "deletes the control plane's exchange": lambda channel, own, victim: channel.exchange_delete("trove"),
}


@pytest.fixture(autouse=True)
def nobody_notices(field: Ground) -> Iterator[None]:
    """Instances, orders and counters are as before, and the victim does what it is asked for."""
    before, dropped = field.settled(field.victim), field.dropped()
    yield
    assert field.settled(field.victim) == before
    assert field.dropped() == dropped
    assert field.installed.request("GET", f"/instances/{field.victim}/users")[0] == 200


@pytest.mark.parametrize("way", REFUSED)
def test_the_broker_refuses(field: Ground, way: str) -> None:
    with field.thief.channel() as channel, pytest.raises(amqp.AccessRefused):
        REFUSED[way](channel, field.thief.instance, field.victim)


@pytest.mark.parametrize("header", ["CC", "BCC"])
def test_copies_reach_nobody(field: Ground, header: str) -> None:
    """Of a message that its own exchange has no queue for: what is copied would go to the victim and its reports."""
    copies = {header: [names.guest_queue(field.victim), names.reports(field.victim)]}
    with field.thief.channel() as channel:
        channel.basic_publish_confirm(amqp.Message("stolen", application_headers=copies),
                                      names.reports(field.thief.instance), "nobody")


def test_another_sender_is_not_named(field: Ground) -> None:
    with pytest.raises(amqp.PreconditionFailed):
        field.thief.send(b"stolen", user_id=f"guest-{field.victim}")


def test_no_more_connections_than_it_needs(field: Ground) -> None:
    opened: list[amqp.Connection] = []
    try:
        with pytest.raises(amqp.NotAllowed):
            while len(opened) < 20:
                opened.append(amqp_peer.connect(field.thief.address))
        assert len(opened) == 4
    finally:
        for connection in opened:
            connection.close()
