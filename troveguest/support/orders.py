"""The orders that an agent took, as its journal has them, without what was in them."""

import re
import time

import msgspec

from common.contract import types as t
from common.contract.declare import methods
from common.contract.guest import Guest
from common.errors import Invalid
from common.openstack.rpc import sealing
from common.secret import Secret

from .. import journal
from ..host.layout import Layout


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Times in UTC, empty where an earlier release of the agent did not keep them. ``told``: the broker has it."""

    instance_id: str
    id: str
    method: str
    accepted: str
    deadline: str
    state: t.OperationState
    failure: t.Failure | None
    told: bool

    def line(self) -> str:
        why = f"  {self.failure.message} {self.failure.hint}" if self.failure else ""
        return f"{self.accepted}  {self.id}  {self.method}  {self.state.value}  until {self.deadline}{why}"


def entries(layout: Layout) -> list[Entry]:
    """In the order in which they came, as far back as the journal goes. Raises NotFound, HostFailed."""
    found = {}
    for each in journal.records(layout.state):
        if isinstance(each, journal.Accepted | journal.Ended):
            ended = journal.ticket(each)
            found[each.operation_id] = Entry(
                instance_id=layout.home.name, id=each.operation_id, method=each.method, state=ended.state,
                accepted=_shown(each.accepted_at), deadline=_shown(each.deadline), failure=ended.failure,
                told=isinstance(each, journal.Ended) and each.delivered)
    return list(found.values())


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
