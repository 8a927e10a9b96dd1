"""What an agent may say at all. A stolen one seals what it likes: its words are made plain, its numbers have bounds.

Within them it is believed about itself, as nobody else knows better.
"""

from typing import Any, TypeVar

from msgspec import Struct, structs

from common.contract import types as t
from common.errors import Invalid
from trove.domain import drift
from trove.domain.words import plain

LONGEST = 2000
"""Characters of a sentence; what a server printed may be in it."""

SHORT = 64
"""Characters of a version, an id, or the name of a capability."""

MOST_CAPABILITIES = 100
MOST_WAITING = 500

_NAME = 200
_LARGEST = 2**63 - 1
_LAST_BOOT = 2**31 - 1
_LATEST = 1e11
"""Seconds since 1970 that a clock may show; some three thousand years."""

_T = TypeVar("_T", bound=Struct)


def told(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a report as they may be written down. Raises Invalid, which does not repeat what was said."""
    return {name: _READ[type(value)](value) for name, value in arguments.items()}


def _hello(said: t.Hello) -> t.Hello:
    _stamp(said.stamp)
    agent = said.agent
    _bounded(len(agent.capabilities) <= MOST_CAPABILITIES, "names too many capabilities")
    ids = {name: _short(getattr(agent, name), SHORT) for name in (
        "instance_id", "agent_version", "datastore", "datastore_version", "incarnation", "release")}
    capabilities = tuple(_short(each, SHORT) for each in agent.capabilities)
    return structs.replace(said, agent=structs.replace(
        agent, contract_version=_short(agent.contract_version, 16), capabilities=capabilities, **ids))


def _heartbeat(said: t.Heartbeat) -> t.Heartbeat:
    _stamp(said.stamp)
    _bounded(abs(said.sent_at) <= _LATEST and abs(said.server_started_at or 0.0) <= _LATEST, "has a clock of no age")
    volume = said.volume
    _bounded(volume is None or all(0 <= each <= _LARGEST for each in (volume.total, volume.used, volume.free)),
             "has a volume of no size")
    _bounded(len(said.waiting) <= MOST_WAITING, "lists too much")
    found = tuple(structs.replace(each, sentence=plain(each.sentence, drift.LONGEST))
                  for each in said.drift[:drift.MOST])
    return structs.replace(said, sentence=plain(said.sentence, LONGEST), drift=found,
                           waiting=tuple(_short(each, _NAME) for each in said.waiting))


def _progress(said: t.Progress) -> t.Progress:
    _stamp(said.stamp)
    return structs.replace(said, operation_id=_short(said.operation_id, _NAME), sentence=plain(said.sentence, LONGEST))


def _result(said: t.Result) -> t.Result:
    _stamp(said.stamp)
    _bounded(said.state is not t.OperationState.RUNNING, "ends an order that still runs")
    _bounded((said.failure is None) == (said.state is t.OperationState.DONE), "contradicts itself")
    why = said.failure and t.Failure(code=plain(said.failure.code, SHORT), message=plain(said.failure.message, LONGEST),
                                     hint=plain(said.failure.hint, LONGEST))
    return structs.replace(said, operation_id=_short(said.operation_id, _NAME), failure=why)


def _stamp(said: t.Stamp) -> None:
    _bounded(0 <= said.key_epoch <= _LAST_BOOT and 0 <= said.boot_count <= _LAST_BOOT
             and 0 <= said.sequence <= _LARGEST, "has a stamp out of all bounds")


def _short(text: str, most: int) -> str:
    """Names are not mended: a changed one would be another."""
    _bounded(len(text) <= most and text == plain(text, most), "has a name that none is")
    return text


def _bounded(holds: bool, what: str) -> None:
    if not holds:
        raise Invalid(f"The report {what}.")


_READ: dict[type, Any] = {t.Hello: _hello, t.Heartbeat: _heartbeat, t.Progress: _progress, t.Result: _result}
