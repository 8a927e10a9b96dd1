"""The agent, spoken to by real oslo.messaging through a wrapper that seals: the bus looks as the ecosystem expects.

The wrapper is a serializer, which is where OpenStack Trove's own secure messaging sits. One thing is not upstream's: a
guest may not write to the default exchange, so the caller binds its reply queue to the guest's own.
"""

import time

import pytest

from common.contract import Guest, codec, methods
from common.contract import types as t
from common.crypto import random_id
from common.openstack.context import RequestContext
from common.openstack.rpc import sealing
from common.openstack.rpc.sealing import KeyPair
from common.secret import Secret
from trove.bus import names

oslo_messaging = pytest.importorskip("oslo_messaging")

pytestmark = pytest.mark.server

GUEST = methods(Guest)
GROUP = "oslo_messaging_rabbit"


class Sealing(oslo_messaging.NoOpSerializer):
    """Seals the one argument on its way out and opens the result on its way in."""

    def __init__(self, keys, incarnation):
        self.keys = keys
        self.incarnation = incarnation

    def serialize_entity(self, context, entity):
        method, arguments, operation_id = entity
        request = sealing.Request(
            kind=method.kind, version=method.since, method=method.name, message_id=random_id(), timeout=10.0,
            arguments=sealing.pack_arguments(method, arguments), sent_at=time.time(),
            context=RequestContext(request_id=context["request_id"]),
            operation_id=operation_id, incarnation=self.incarnation)
        return sealing.seal(self.keys.to_guest, request)

    def deserialize_entity(self, context, entity):
        return sealing.open_reply(self.keys.from_guest, entity)

    def serialize_context(self, context):
        return dict(context)


class OsloClient:
    """What a control plane on oslo.messaging would do."""

    def __init__(self, address, instance_id, keys, incarnation, bind):
        from oslo_config import cfg

        options = self.options = cfg.CONF  # oslo.messaging looks for an option of its own on the global one alone
        options([], project="trove")
        url = (f"rabbit://{address.username}:{address.password.reveal()}@{address.host}:{address.port}"
               f"/{address.virtual_host}")
        self.transport = oslo_messaging.get_rpc_transport(options, url)
        self.settings = {"ssl": True, "ssl_ca_file": address.ca_file, "amqp_durable_queues": True,
                         "rabbit_login_method": "PLAIN"}
        for name, value in self.settings.items():
            options.set_override(name, value, GROUP)
        target = oslo_messaging.Target(exchange=names.GUESTS_EXCHANGE, topic=names.guest_queue(instance_id))
        self.client = oslo_messaging.get_rpc_client(self.transport, target, timeout=20,
                                                    serializer=Sealing(keys, incarnation))
        bind(self.transport._driver._get_reply_q())

    def call(self, name, arguments, operation_id=""):
        context = {"request_id": "req-oslo", "user": "ada", "project_id": "p"}
        return self.client.call(context, name, sealed=(GUEST[name], arguments, operation_id))

    def close(self):
        self.transport.cleanup()
        self.options.reset()
        for name in self.settings:
            self.options.clear_override(name, GROUP)


@pytest.fixture
def make_oslo(peers, bus_address):
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
    peers.serve()
    with pytest.raises(oslo_messaging.RemoteError, match="cannot be opened") as raised:
        make_oslo(keys=KeyPair.generate()).call("rpc_ping", {})
    assert raised.value.exc_type == "TransportRefusal"
