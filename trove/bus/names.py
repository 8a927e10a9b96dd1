"""Names on the broker. The control plane declares all of it; a guest configures nothing.

::

    trove (topic) ──key guestagent.<id>──► guestagent.<id>                    orders; the guest reads
    guest.<id>.up (topic) ─key conductor─► guest.<id>.up (bounded)            reports; the guest writes, conductors
    share
                 └──key reply_<hex>──────► reply_<hex>                        answers; bound by the caller
    trove.events (topic)                                                      inside the control plane
"""

from common.crypto import random_id
from common.openstack.rpc.names import CONDUCTOR_KEY, guest_queue, reports

__all__ = ["CONDUCTOR_KEY", "EVENTS_EXCHANGE", "GUESTS_EXCHANGE", "REPLY_ARGUMENTS", "REPORTS_ARGUMENTS",
           "guest_queue", "login", "new_reply_queue", "permissions", "reports"]

GUESTS_EXCHANGE = "trove"
EVENTS_EXCHANGE = "trove.events"

REPORTS_ARGUMENTS: dict[str, object] = {
    "x-max-length": 10_000,
    "x-max-length-bytes": 16 * 1024 * 1024,
    "x-overflow": "reject-publish",
}
"""Of the queue ``guest.<id>.up``: a guest that floods is told so by its own broker confirms and harms nobody else."""

REPLY_ARGUMENTS: dict[str, object] = {"x-expires": 300_000, "x-max-length": 20_000}
"""Of a reply queue: gone five minutes after its caller; a guest cannot fill the broker through it."""


def login(instance_id: str) -> str:
    """The guest's broker user; brokers hold the property ``user_id`` of its messages to it."""
    return f"guest-{instance_id}"


def new_reply_queue() -> str:
    return f"reply_{random_id()}"


def permissions(instance_id: str) -> dict[str, str]:
    """RabbitMQ's three regular expressions for the guest's login."""
    quoted = instance_id.replace(".", r"\.")
    return {"configure": "^$", "write": rf"^guest\.{quoted}\.up$", "read": rf"^guestagent\.{quoted}$"}
