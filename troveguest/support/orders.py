"""The orders that an agent took, as its journal has them, without what was in them."""

import re
import time
from typing import Any

import msgspec

from common.contract.declare import methods
from common.contract.guest import Guest
from common.errors import Invalid
from common.openstack.rpc import sealing
from common.secret import Secret

from .. import journal
from ..host.layout import Layout


def entries(layout: Layout) -> list[dict[str, Any]]:
    """In the order in which they came, as far back as the journal goes; ``told`` says that the broker has the result.

    Times are in UTC, empty where an earlier release of the agent did not keep them. Raises NotFound, HostFailed.
    """
    found = {}
    for each in journal.records(layout.state):
        if isinstance(each, journal.Accepted | journal.Ended):
            stands = journal.ticket(each)
            found[each.operation_id] = {
                "instance_id": layout.home.name, "id": each.operation_id, "method": each.method,
                "accepted": _shown(each.accepted_at), "deadline": _shown(each.deadline), "state": stands.state.value,
                "failure": stands.failure, "told": isinstance(each, journal.Ended) and each.delivered}
    return list(found.values())


def line(entry: dict[str, Any]) -> str:
    why = f"  {entry['failure'].message} {entry['failure'].hint}" if entry["failure"] else ""
    return "{accepted}  {id}  {method}  {state}  until {deadline}".format(**entry) + why


def secrets(layout: Layout) -> list[str]:
    """Those in the orders that the journal still has: by type, and of an order that is not known every text."""
    known, found = methods(Guest), []

    def note(secret: Secret) -> None:
        found.append(secret.reveal())

    for each in journal.records(layout.state):
        if isinstance(each, journal.Accepted):
            try:
                msgspec.json.encode(sealing.unpack_arguments(known[each.method], each.arguments), enc_hook=note)
            except (KeyError, Invalid):
                found += re.findall(r'"((?:[^"\\]|\\.)*)"', bytes(each.arguments).decode())
    return found


def _shown(moment: float | None) -> str:
    return "" if moment is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
