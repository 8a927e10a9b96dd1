"""Names on the broker. The control plane declares all of it; a guest configures nothing.

::

    trove (topic) ──key guestagent.<id>──► guestagent.<id>                    orders; the guest reads
    guest.<id>.up (topic) ─key conductor─► guest.<id>.up (bounded)            reports; the guest writes, conductors
    share
                 └──key reply_<hex>──────► reply_<hex>                        answers; bound by the caller
    trove.events (topic)                                                      inside the control plane
"""

from collections.abc import Iterator

from common.crypto import random_id
from common.openstack.rpc.names import CONDUCTOR_KEY, guest_queue, reports

__all__ = ["CONDUCTOR_KEY", "EVENTS_EXCHANGE", "GUESTS_EXCHANGE", "MOST_BYTES", "REPLY_ARGUMENTS", "REPORTS_ARGUMENTS",
           "guest_queue", "login", "logins_of", "new_reply_queue", "owner", "permissions", "reports", "speaker"]

GUESTS_EXCHANGE = "trove"
EVENTS_EXCHANGE = "trove.events"

REPORTS_ARGUMENTS: dict[str, object] = {
    "x-max-length": 10_000,
    "x-max-length-bytes": 16 * 1024 * 1024,
    "x-overflow": "reject-publish",
}
"""Of the queue ``guest.<id>.up``: a guest that floods is told so by its own broker confirms and harms nobody else."""

REPLY_ARGUMENTS: dict[str, object] = {
    "x-expires": 300_000,
    "x-max-length": 20_000,
    "x-max-length-bytes": 64 * 1024 * 1024,
}
"""Of a reply queue: gone five minutes after its caller; a guest cannot fill the broker through it."""


MOST_BYTES = 2 * 1024 * 1024
"""Of a message from a guest; the largest order is one MiB, in base64. A longer one is not looked at."""

_LOGIN = "guest-"


def login(instance_id: str, epoch: int = 1) -> str:
    """The guest's broker user while it has the keys of ``epoch``; brokers hold the property ``user_id`` of its
    messages to it.
    """
    return f"{_LOGIN}{instance_id}" if epoch == 1 else f"{_LOGIN}{instance_id}@{epoch}"


def owner(user: str) -> str | None:
    """The instance that a broker user belongs to, whatever the epoch; None for one that is no guest's."""
    return user.removeprefix(_LOGIN).partition("@")[0] if user.startswith(_LOGIN) else None


def speaker(exchange: str) -> str:
    """The guest whose exchange it is: nobody else can write to it."""
    return exchange.removeprefix("guest.").removesuffix(".up")


def logins_of(instance_id: str, users: frozenset[str]) -> Iterator[str]:
    """All of an instance's among ``users``."""
    return (user for user in users if owner(user) == instance_id)


def new_reply_queue() -> str:
    return f"reply_{random_id()}"


def permissions(instance_id: str) -> dict[str, str]:
    """RabbitMQ's three regular expressions for the guest's login."""
    quoted = instance_id.replace(".", r"\.")
    return {"configure": "^$", "write": rf"^guest\.{quoted}\.up$", "read": rf"^guestagent\.{quoted}$"}
