"""The agent, spoken to by real oslo.messaging through a wrapper that seals: the bus looks as the ecosystem expects.

The wrapper is a serializer, which is where OpenStack Trove's own secure messaging sits. One thing is not upstream's: a
guest may not write to the default exchange, so the caller binds its reply queue to the guest's own.
"""

import pytest

from common.contract import codec
from common.contract import types as t
from common.secret import Secret
from tests.keys import drawn
from trove.bus import names

pytestmark = pytest.mark.server


@pytest.fixture
def make_oslo(peers, bus_address):
    pytest.importorskip("oslo_messaging")
    from tests.contract.oslo_client import OsloClient

    made = []

    def make(keys=peers.keys, incarnation="first"):
        def bind(reply_queue):
            exchange = names.reports(peers.instance_id)
            peers.bus.run(lambda channel: channel.queue_bind(reply_queue, exchange, reply_queue))

        client = OsloClient(bus_address, peers.instance_id, keys, incarnation, bind)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


def test_a_call_goes_both_ways(peers, make_oslo):
    peers.serve()
    reply = make_oslo().call("enable_root", {"password": Secret("hunter2")})
    assert reply.failure is None
    assert codec.decode(bytes(reply.value), t.RootCredential).password == Secret("hunter2")
    assert peers.requests[0].context.request_id == "req-oslo"


def test_an_operation_is_ticketed(peers, make_oslo):
    peers.serve()
    reply = make_oslo().call("restart", {}, operation_id="restart.9")
    assert codec.decode(bytes(reply.value), t.Ticket).operation_id == "restart.9"


def test_an_error_travels_sealed(peers, make_oslo):
    peers.serve()
    reply = make_oslo(incarnation="an earlier one").call("rpc_ping", {})
    assert (reply.failure.code, reply.incarnation) == ("stale", "first")


def test_a_transport_refusal_is_a_remote_error(peers, make_oslo):
    from oslo_messaging import RemoteError

    peers.serve()
    with pytest.raises(RemoteError, match="cannot be opened") as raised:
        make_oslo(keys=drawn()).call("rpc_ping", {})
    assert raised.value.exc_type == "TransportRefusal"
