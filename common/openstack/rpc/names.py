"""Names on the broker. The control plane declares all of it; a guest configures nothing.

::

    trove (topic) ──key guestagent.<id>──► guestagent.<id>                    orders; the guest reads
    guest.<id>.up (topic) ─key conductor─► guest.<id>.up (bounded)            reports; the guest writes, conductors
    share
                 └──key reply_<hex>──────► reply_<hex>                        answers; bound by the caller
    trove.events (topic)                                                      inside the control plane
"""

from common.crypto import random_id

GUESTS_EXCHANGE = "trove"
EVENTS_EXCHANGE = "trove.events"
CONDUCTOR_KEY = "conductor"

REPORTS_ARGUMENTS: dict[str, object] = {
    "x-max-length": 10_000,
    "x-max-length-bytes": 16 * 1024 * 1024,
    "x-overflow": "reject-publish",
}
"""Of the queue ``guest.<id>.up``: a guest that floods is told so by its own broker confirms and harms nobody else."""

REPLY_ARGUMENTS: dict[str, object] = {"x-expires": 300_000, "x-max-length": 20_000}
"""Of a reply queue: gone five minutes after its caller; a guest cannot fill the broker through it."""


def guest_queue(instance_id: str) -> str:
    """Also its routing key on ``trove``, and the topic in oslo.messaging's terms."""
    return f"guestagent.{instance_id}"


def reports(instance_id: str) -> str:
    """The guest's exchange, and the bounded queue behind it."""
    return f"guest.{instance_id}.up"


def login(instance_id: str) -> str:
    """The guest's broker user; brokers hold the property ``user_id`` of its messages to it."""
    return f"guest-{instance_id}"


def new_reply_queue() -> str:
    return f"reply_{random_id()}"


def permissions(instance_id: str) -> dict[str, str]:
    """RabbitMQ's three regular expressions for the guest's login."""
    quoted = instance_id.replace(".", r"\.")
    return {"configure": "^$", "write": rf"^guest\.{quoted}\.up$", "read": rf"^guestagent\.{quoted}$"}
