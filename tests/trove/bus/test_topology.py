"""What is made on the broker for a guest, and that all of it goes again."""

import dataclasses
from collections.abc import Callable

import amqp
import pytest

from common.openstack.rpc.link import BusAddress
from common.secret import Secret
from tests import awaiting
from tests.broker import Guest
from tests.trove.bus import amqp_peer
from trove.bus import names
from trove.bus.admin import Admin
from trove.bus.topology import GuestTopology

pytestmark = pytest.mark.server


@pytest.fixture
def topology(admin: Admin) -> GuestTopology:
    return GuestTopology(admin)


def everything(admin: Admin) -> dict[str, frozenset[object]]:
    exchanges = admin.exchanges()
    bindings = (admin.bindings(exchange) for exchange in exchanges if exchange)
    return {
        "users": frozenset(admin.users()),
        # those of other tests' events end by themselves, at any time
        "queues": frozenset(name for name in admin.queues() if not name.startswith("events_")),
        "exchanges": frozenset(exchanges),
        "bindings": frozenset().union(*bindings),
    }


def test_a_new_guest_has_its_two_queues_and_its_exchange(guest: Guest, admin: Admin) -> None:
    orders, reports = names.guest_queue(guest.instance_id), names.reports(guest.instance_id)
    assert {orders, reports} <= admin.queues()
    assert admin.bindings(reports) == {(reports, names.CONDUCTOR_KEY)}
    assert (orders, orders) in admin.bindings(names.GUESTS_EXCHANGE)
    assert admin.permissions(names.login(guest.instance_id)) == names.permissions(guest.instance_id)


def test_made_again_it_takes_the_new_password_and_keeps_what_waits(
    guest: Guest, topology: GuestTopology, bus_address: BusAddress
) -> None:
    orders = names.guest_queue(guest.instance_id)
    with amqp_peer.confirming_channel(bus_address) as control:
        control.basic_publish_confirm(amqp.Message("waits"), names.GUESTS_EXCHANGE, orders)
    topology.create(guest.instance_id, {1: Secret("another")})
    with pytest.raises(amqp.AccessRefused):
        amqp_peer.connect(guest.address)
    assert amqp_peer.bodies(dataclasses.replace(guest.address, password=Secret("another")), orders) == ["waits"]


def test_a_guest_of_which_anything_is_missing_is_found(
    new_guest: Callable[[], Guest], topology: GuestTopology, admin: Admin
) -> None:
    whole, no_login, no_orders, no_reports = (new_guest().instance_id for _ in range(4))
    admin.delete_user(names.login(no_login))
    admin.delete_queue(names.guest_queue(no_orders))
    admin.delete_exchange(names.reports(no_reports))
    assert topology.lacking([whole, no_login, no_orders, no_reports]) == {no_login, no_orders, no_reports}


def test_what_is_missing_is_made_again(guest: Guest, topology: GuestTopology, admin: Admin) -> None:
    before = everything(admin)
    admin.delete_exchange(names.reports(guest.instance_id))
    admin.delete_queue(names.guest_queue(guest.instance_id))
    topology.create(guest.instance_id, {1: guest.address.password})
    assert everything(admin) == before


def test_deleting_leaves_nothing_and_cuts_the_guest_off(
    new_guest: Callable[[], Guest], topology: GuestTopology, admin: Admin
) -> None:
    before = everything(admin)
    guest = new_guest()
    login = names.login(guest.instance_id)
    connection = amqp_peer.connect(guest.address)
    connection.channel().basic_consume(names.guest_queue(guest.instance_id))
    awaiting.until(lambda: admin.connections(login), 30, "the broker lists the guest's connection")

    topology.delete(guest.instance_id)

    with pytest.raises((amqp.ConnectionForced, OSError)):
        while True:
            connection.drain_events(timeout=30)
    assert everything(admin) == before
    assert not topology.exists(guest.instance_id)
    awaiting.until(lambda: not admin.connections(login), 30, "the broker forgets the guest's connection")
    with pytest.raises(amqp.AccessRefused):
        amqp_peer.connect(guest.address)


def test_whoever_is_shut_out_is_cut_off_and_keeps_its_queues(
    new_guest: Callable[[], Guest], topology: GuestTopology, admin: Admin
) -> None:
    out, other = new_guest(), new_guest()
    topology.create(out.instance_id, {2: Secret("next")})
    connection = amqp_peer.connect(out.address)
    connection.channel().basic_consume(names.guest_queue(out.instance_id))
    topology.shut_out({out.instance_id})
    with pytest.raises((amqp.ConnectionForced, OSError)):
        while True:
            connection.drain_events(timeout=30)
    with pytest.raises(amqp.AccessRefused):
        amqp_peer.connect(out.address)
    amqp_peer.connect(other.address).close()
    assert {names.guest_queue(out.instance_id), names.reports(out.instance_id)} <= admin.queues()
    topology.create(out.instance_id, {1: out.address.password})
    amqp_peer.connect(out.address).close()


def test_deleting_twice_is_as_good(guest: Guest, topology: GuestTopology) -> None:
    topology.delete(guest.instance_id)
    topology.delete(guest.instance_id)
    assert not topology.exists(guest.instance_id)


@pytest.mark.parametrize("remains", ["login", "orders", "reports", "exchange"])
def test_a_half_deleted_guest_is_known(remains: str, guest: Guest, topology: GuestTopology, admin: Admin) -> None:
    login, orders, reports = (name(guest.instance_id) for name in (names.login, names.guest_queue, names.reports))
    ends: dict[str, Callable[[], None]] = {
        "login": lambda: admin.delete_user(login),
        "orders": lambda: admin.delete_queue(orders),
        "reports": lambda: admin.delete_queue(reports),
        "exchange": lambda: admin.delete_exchange(reports),
    }
    for what, end in ends.items():
        if what != remains:
            end()
    assert topology.known() >= {guest.instance_id}
