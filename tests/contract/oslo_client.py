"""A control plane's client on real oslo.messaging, with a serializer that seals. Importing it takes half a second."""

import time

import oslo_messaging
from oslo_config import cfg

from common.contract import Guest, methods
from common.crypto import random_id
from common.openstack.context import RequestContext
from common.openstack.rpc import sealing
from trove.bus import names

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
        return sealing.unseal(self.keys.from_guest, entity, sealing.Reply)

    def serialize_context(self, context):
        return dict(context)


class OsloClient:
    """What a control plane on oslo.messaging would do."""

    def __init__(self, address, instance_id, keys, incarnation, bind):
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
