"""Whether agents on registered hosts can reach the broker: as one of them would try it, from this machine."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

from oslo_config import cfg

from common.findings import Finding, failed, ok
from trove.standalone import brokers
from trove.standalone.state import State

PATIENCE = 5.0


def broker(state: State, conf: cfg.ConfigOpts) -> Iterator[Finding]:
    """Nothing where no agent is told an address besides loopback. Raises Invalid."""
    far = brokers.far_host(conf)
    if not far or (not conf.broker.host and not (state.rabbit / "node.json").exists()):
        return
    address = brokers.find(conf, state).address()
    name = conf.broker.server_name or conf.broker.host or far
    try:
        _greet((far, address.port), name, Path(address.ca_file))
    except ssl.SSLCertVerificationError as error:
        yield failed("broker for hosts", f"The broker's certificate does not do for {name}: {error.verify_message}.",
                     "Set guest_address in section [broker] to a name in it; a private one is renewed by a restart.")
    except OSError as error:
        yield failed("broker for hosts", f"Agents on hosts are told {far}, port {address.port}, where no broker "
                     f"answers: {error.strerror or error}.",
                     "Look at listen_address and guest_address in section [broker], and at what filters the port.")
    else:
        yield ok("broker for hosts", f"The broker answers agents on hosts at {far}, port {address.port}.")


def _greet(where: tuple[str, int], name: str, authority: Path) -> None:
    context = ssl.create_default_context(cafile=authority)
    with socket.create_connection(where, PATIENCE) as plain, context.wrap_socket(plain, server_hostname=name):
        return
