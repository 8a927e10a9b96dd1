"""A plain AMQP connection of one login, as somebody who writes his own client has it: nothing of ours guards it."""

import contextlib
import ssl
from collections.abc import Iterator

import amqp

from common.openstack.rpc.link import BusAddress


def connect(address: BusAddress) -> amqp.Connection:
    """The caller closes it. Waits at most 30 s for any answer."""
    connection = amqp.Connection(
        f"{address.host}:{address.port}",
        userid=address.username,
        password=address.password.reveal(),
        login_method="PLAIN",
        virtual_host=address.virtual_host,
        ssl={"ca_certs": address.ca_file, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": address.server_name},
        connect_timeout=30,
        read_timeout=30,
        write_timeout=30,
    )
    connection.connect()
    return connection


@contextlib.contextmanager
def confirming_channel(address: BusAddress) -> Iterator[amqp.Channel]:
    """A channel whose ``basic_publish_confirm`` returns when the broker has the message, or raises its refusal."""
    connection = connect(address)
    try:
        channel = connection.channel()
        channel.confirm_select()
        yield channel
    finally:
        connection.close()


def bodies(address: BusAddress, queue: str) -> list[str]:
    """Takes all that waits in the queue."""
    found = []
    with confirming_channel(address) as channel:
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            found.append(message.body)
    return found
