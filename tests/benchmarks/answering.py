"""The guest's end of a call, in a process of its own: ``answering ours`` or ``answering oslo``.

Told where the broker is and under which names to listen, it says that it serves. Both answer the same page of
databases.
"""

import sys
from typing import Any

import oslo_messaging
from oslo_config import cfg

from common.contract import types as t
from common.crypto import Key
from common.openstack.rpc.connection import Bus, BusAddress
from common.openstack.rpc.sealing import KeyPair
from common.secret import Secret
from tests.benchmarks import machinery
from troveguest.bus.keys import Keys
from troveguest.bus.server import GuestServer

INCARNATION = "first"
OSLO_TOPIC = "benchmark"
PAGE = t.DatabasePage(items=tuple(t.Database(name=f"database_{number}") for number in range(20)))
_SECTION = "oslo_messaging_rabbit"


def serve_ours(told: dict[str, Any]) -> str:
    keys = KeyPair(**{name: Key.from_text(Secret(told[name])) for name in ("to_guest", "from_guest")})
    bus = Bus(machinery.address_of(told["address"]), "agent")
    bus.start()
    assert bus.wait_connected(machinery.PATIENCE)
    GuestServer(bus, told["instance_id"], Keys(keys), INCARNATION, lambda _request: PAGE).start()
    return "serves"


class Endpoint:
    """What oslo.messaging serves: the same page, not sealed."""

    page = {"items": [{"name": database.name} for database in PAGE.items]}

    def list_databases(self, _context: dict[str, Any], page: dict[str, Any]) -> dict[str, Any]:
        assert page["limit"] == 20
        return self.page


def serve_oslo(told: dict[str, Any]) -> str:
    transport = oslo_transport(machinery.address_of(told["address"]))
    target = oslo_messaging.Target(topic=OSLO_TOPIC, server="guest")
    oslo_messaging.get_rpc_server(transport, target, [Endpoint()]).start()
    return "serves"


def oslo_transport(address: BusAddress) -> Any:
    """Over TLS, like ours. Its options are the process's global ones, on which alone it looks for some of its own."""
    cfg.CONF([], project="benchmark")
    url = (f"rabbit://{address.username}:{address.password.reveal()}@{address.host}:{address.port}"
           f"/{address.virtual_host}")
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url)
    for name, value in {"ssl": True, "ssl_ca_file": address.ca_file, "rabbit_login_method": "PLAIN"}.items():
        cfg.CONF.set_override(name, value, _SECTION)
    return transport


if __name__ == "__main__":
    machinery.obey(serve_ours if sys.argv[1] == "ours" else serve_oslo)
