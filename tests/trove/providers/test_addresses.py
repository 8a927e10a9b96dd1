"""Addresses do not meet: not within an installation, not between two, not with other programs."""

import ipaddress
import socket

import pytest

from common.errors import NoSpace
from trove.providers.local import addresses

NOBODY: frozenset[addresses.Listener] = frozenset()


def test_a_network_lies_in_the_range_and_is_the_installations_own() -> None:
    networks = {addresses.network(f"installation-{number}") for number in range(50)}
    assert len(networks) > 45
    assert all(network.prefixlen == 24 and network.subnet_of(addresses.RANGE) for network in networks)
    assert addresses.network("a") == addresses.network("a")


def test_the_same_question_has_the_same_answer() -> None:
    assert addresses.allocate("a", "one", frozenset(), NOBODY) == addresses.allocate("a", "one", frozenset(), NOBODY)


def test_all_of_them_are_given_out_once_and_then_none() -> None:
    taken: set[str] = set()
    for number in range(254):
        address = addresses.allocate("a", str(number), frozenset(taken), NOBODY)
        assert address not in taken and ipaddress.ip_address(address) in addresses.network("a")
        taken.add(address)
    with pytest.raises(NoSpace, match="254"):
        addresses.allocate("a", "one more", frozenset(taken), NOBODY)


def test_an_address_on_which_somebody_listens_is_left_alone() -> None:
    first = addresses.allocate("a", "one", frozenset(), NOBODY)
    with socket.create_server((first, 0)):
        listeners = addresses.listening()
        assert first in {address for address, _ in listeners}
        assert addresses.allocate("a", "one", frozenset(), listeners) != first


@pytest.mark.parametrize("family, host", [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")])
def test_a_listener_on_every_address_is_seen(family: socket.AddressFamily, host: str) -> None:
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip("no IPv6 here")
    with server:
        assert ("0.0.0.0", server.getsockname()[1]) in addresses.listening()


def test_a_socket_that_only_is_connected_does_not_listen() -> None:
    with socket.create_server(("127.64.9.9", 0)) as server:
        client = socket.create_connection(server.getsockname())
        port = client.getsockname()[1]
        assert port not in {number for _, number in addresses.listening()}
        client.close()
