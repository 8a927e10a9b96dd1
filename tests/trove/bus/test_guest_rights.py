"""What a stolen guest login is good for: reading its own orders and writing its own reports, nothing else."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

import amqp
import pytest

from common import errors
from common.openstack.rpc.link import BusAddress
from common.secret import Secret
from tests.broker import Guest
from tests.trove.bus import amqp_peer
from trove.bus import names
from trove.bus.admin import Admin
from trove.standalone.rabbit import PrivateNode

pytestmark = pytest.mark.server


@pytest.fixture
def other(new_guest: Callable[[], Guest]) -> Guest:
    return new_guest()


@pytest.fixture
def channel(guest: Guest) -> Iterator[amqp.Channel]:
    with amqp_peer.confirming_channel(guest.address) as opened:
        yield opened


def publish(channel: amqp.Channel, exchange: str, key: str, **properties: object) -> None:
    channel.basic_publish_confirm(amqp.Message("stolen", **properties), exchange, key)


def test_reads_its_orders(guest: Guest, bus_address: BusAddress, channel: amqp.Channel) -> None:
    queue = names.guest_queue(guest.instance_id)
    with amqp_peer.confirming_channel(bus_address) as control:
        control.basic_publish_confirm(amqp.Message("order"), names.GUESTS_EXCHANGE, queue)
    assert channel.basic_get(queue, no_ack=True).body == "order"


def test_writes_its_reports(guest: Guest, bus_address: BusAddress, channel: amqp.Channel) -> None:
    reports = names.reports(guest.instance_id)
    publish(channel, reports, names.CONDUCTOR_KEY, user_id=names.login(guest.instance_id))
    assert amqp_peer.bodies(bus_address, reports) == ["stolen"]


def test_reads_no_queue_of_another_guest(other: Guest, channel: amqp.Channel) -> None:
    with pytest.raises(amqp.AccessRefused):
        channel.basic_consume(names.guest_queue(other.instance_id))


@pytest.mark.parametrize("whose", ["guest", "other"])
def test_reads_no_reports(whose: str, request: pytest.FixtureRequest, channel: amqp.Channel) -> None:
    owner: Guest = request.getfixturevalue(whose)
    with pytest.raises(amqp.AccessRefused):
        channel.basic_get(names.reports(owner.instance_id))


def test_writes_to_no_exchange_of_another_guest(other: Guest, channel: amqp.Channel) -> None:
    with pytest.raises(amqp.AccessRefused):
        publish(channel, names.reports(other.instance_id), names.CONDUCTOR_KEY)


@pytest.mark.parametrize("exchange", ["", names.GUESTS_EXCHANGE, names.EVENTS_EXCHANGE, "amq.topic", "amq.direct"])
def test_writes_to_no_shared_exchange(exchange: str, other: Guest, channel: amqp.Channel) -> None:
    with pytest.raises(amqp.AccessRefused):
        publish(channel, exchange, names.guest_queue(other.instance_id))


@pytest.mark.parametrize("header", ["CC", "BCC"])
def test_a_copy_header_reaches_nobody(
    header: str, guest: Guest, other: Guest, bus_address: BusAddress, channel: amqp.Channel
) -> None:
    reports, victim = names.reports(guest.instance_id), names.guest_queue(other.instance_id)
    copies = {header: [victim, names.reports(other.instance_id)]}
    publish(channel, reports, names.CONDUCTOR_KEY, application_headers=copies)
    assert amqp_peer.bodies(bus_address, reports) == ["stolen"]
    assert amqp_peer.bodies(bus_address, victim) == []
    assert amqp_peer.bodies(bus_address, names.reports(other.instance_id)) == []


def test_names_no_other_sender(guest: Guest, other: Guest, bus_address: BusAddress, channel: amqp.Channel) -> None:
    with pytest.raises(amqp.PreconditionFailed):
        publish(channel, names.reports(guest.instance_id), names.CONDUCTOR_KEY, user_id=names.login(other.instance_id))
    assert amqp_peer.bodies(bus_address, names.reports(guest.instance_id)) == []


CONFIGURING: dict[str, Callable[[amqp.Channel, Guest, Guest], object]] = {
    "a queue": lambda channel, me, other: channel.queue_declare("mine"),
    "a queue without a name": lambda channel, me, other: channel.queue_declare(""),
    "an exchange": lambda channel, me, other: channel.exchange_declare("mine", "topic"),
    "its queue's end": lambda channel, me, other: channel.queue_delete(names.guest_queue(me.instance_id)),
    "its exchange's end": lambda channel, me, other: channel.exchange_delete(names.reports(me.instance_id)),
    "its queue to the orders of another": lambda channel, me, other: channel.queue_bind(
        names.guest_queue(me.instance_id), names.GUESTS_EXCHANGE, names.guest_queue(other.instance_id)
    ),
    "the queue of another to its exchange": lambda channel, me, other: channel.queue_bind(
        names.guest_queue(other.instance_id), names.reports(me.instance_id), names.guest_queue(other.instance_id)
    ),
    "its reports to its exchange under another key": lambda channel, me, other: channel.queue_bind(
        names.reports(me.instance_id), names.reports(me.instance_id), "#"
    ),
    "its exchange to all orders": lambda channel, me, other: channel.exchange_bind(
        names.reports(me.instance_id), names.GUESTS_EXCHANGE, "#"
    ),
}


@pytest.mark.parametrize("what", CONFIGURING)
def test_configures_nothing(what: str, guest: Guest, other: Guest, channel: amqp.Channel) -> None:
    with pytest.raises(amqp.AccessRefused):
        CONFIGURING[what](channel, guest, other)


def test_opens_only_so_many_connections(guest: Guest, admin: Admin) -> None:
    limit = admin.limits(names.login(guest.instance_id))["max-connections"]
    opened: list[amqp.Connection] = []
    try:
        with pytest.raises(amqp.NotAllowed):
            for _ in range(limit + 1):
                opened.append(amqp_peer.connect(guest.address))
        assert len(opened) == limit
    finally:
        for connection in opened:
            connection.close()


def test_sends_no_message_beyond_the_limit(guest: Guest, channel: amqp.Channel) -> None:
    huge = amqp.Message("x" * (4 * 1024 * 1024 + 1))
    with pytest.raises(amqp.PreconditionFailed):
        channel.basic_publish_confirm(huge, names.reports(guest.instance_id), names.CONDUCTOR_KEY)


def test_a_flood_is_refused_and_the_broker_goes_on(guest: Guest, other: Guest, channel: amqp.Channel) -> None:
    part = amqp.Message("x" * (2 * 1024 * 1024))
    with pytest.raises(amqp.exceptions.MessageNacked):
        for _ in range(20):
            channel.basic_publish_confirm(part, names.reports(guest.instance_id), names.CONDUCTOR_KEY)
    with amqp_peer.confirming_channel(other.address) as elsewhere:
        publish(elsewhere, names.reports(other.instance_id), names.CONDUCTOR_KEY)


def test_has_no_management(guest: Guest, broker: PrivateNode) -> None:
    login = guest.address
    theirs = Admin(login.host, broker.ports.management, login.username, login.password, login.virtual_host)
    with contextlib.closing(theirs), pytest.raises(errors.Refused):
        theirs.whoami()


def test_a_wrong_password_opens_nothing(guest: Guest) -> None:
    with pytest.raises(amqp.AccessRefused):
        amqp_peer.connect(dataclasses.replace(guest.address, password=Secret("guessed")))
