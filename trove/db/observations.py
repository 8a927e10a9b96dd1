"""What agents report, as the conductor writes it: the newer observation stands, in whatever order they arrive.

What a person is told of it becomes an event. Most heartbeats tell nothing new and are one statement.
"""

import math

from sqlalchemy import ColumnElement, Connection, func, select, tuple_, update
from sqlalchemy.engine import Row

from common.contract.types import Heartbeat, Hello, ServiceStatus
from trove.domain import drift
from trove.domain.events import EventKind
from trove.domain.states import HEARTBEAT_EXPIRY, Task, operating_status, status

from . import events, orders, schema

CLOCK_STEP = 1.0
"""Seconds by which the start of the same server may seem to move: it is reckoned from the machine's clock."""

MOST_LOST = 500
"""Agents in one transaction of ``note_silence``."""

_i = schema.instances.c
_REMOVED = (Task.DELETING.value, Task.DELETE_FAILED.value)


def accept_hello(connection: Connection, instance_id: str, hello: Hello) -> bool:
    """False when the instance does not live or a later life of its agent has said hello already."""
    stamp, agent = hello.stamp, hello.agent
    before = _locked(connection, instance_id)
    earlier = tuple_(_i.hello_epoch, _i.hello_boot) <= tuple_(stamp.key_epoch, stamp.boot_count)
    statement = update(schema.instances).where(_i.id == instance_id, _i.deleted_at.is_(None), earlier).values(
        hello_epoch=stamp.key_epoch, hello_boot=stamp.boot_count, agent_version=agent.agent_version,
        contract_version=agent.contract_version, agent_release=agent.release or None,
        capabilities=" ".join(sorted(agent.capabilities)),
        incarnation=agent.incarnation)
    accepted = connection.execute(statement).rowcount == 1
    if accepted and before is not None and before.incarnation != agent.incarnation:
        again = "again " if before.incarnation else ""
        events.note(connection, EventKind.AGENT_APPEARED, instance_id,
                    f"The agent has started {again}and reports; its version is {agent.agent_version}.")
    return accepted


def accept_unchanged(connection: Connection, instance_id: str, heartbeat: Heartbeat, now: float) -> bool:
    """Writes down a heartbeat that tells nothing new, which most are: one statement, and no event.

    False for any other, which is left to ``accept_heartbeat``. ``now``: seconds since 1970.
    """
    started = heartbeat.server_started_at
    nothing_new = [_i.observed_status == heartbeat.status.value, _i.agent_lost_at.is_(None),
                   _i.observed_drift == drift.remembered(heartbeat.drift),
                   _i.observed_waiting == " ".join(heartbeat.waiting)]
    if started is not None:
        nothing_new.append(_i.server_started_at == started)
    return _write(connection, instance_id, heartbeat, now, *nothing_new)


def accept_heartbeat(connection: Connection, instance_id: str, heartbeat: Heartbeat, now: float) -> bool:
    """False when the instance does not live or this is not newer than what is known. ``now``: seconds since 1970."""
    before = _locked(connection, instance_id)
    if before is None or not _write(connection, instance_id, heartbeat, now):
        return False
    _tell(connection, instance_id, before, heartbeat, now)
    return True


def note_silence(connection: Connection, now: float) -> int:
    """Tells of agents that nothing has been heard from for too long, of each once; how many, ``MOST_LOST`` at most."""
    silent = (_i.deleted_at.is_(None), _i.agent_lost_at.is_(None), _i.observed_at < now - HEARTBEAT_EXPIRY,
              _i.task.not_in(_REMOVED))
    query = select(_i.id, _i.task, _i.observed_status).where(*silent).order_by(_i.id).limit(MOST_LOST)
    found = connection.execute(query).all()
    for row in found:
        lost = update(schema.instances).where(_i.id == row.id, *silent).values(agent_lost_at=now)
        if connection.execute(lost).rowcount == 1:
            sentence = f"Nothing was heard from the agent for {HEARTBEAT_EXPIRY:.0f} seconds; the server may well run."
            events.note(connection, EventKind.AGENT_LOST, row.id, sentence)
            _tell_status(connection, row.id, row.task, (row.observed_status, 0.0), (row.observed_status, math.inf),
                         sentence)
    return len(found)


def _locked(connection: Connection, instance_id: str) -> Row | None:  # type: ignore[type-arg]
    """What was known, which nobody else changes before this transaction ends."""
    query = select(_i.task, _i.observed_at, _i.observed_status, _i.server_started_at, _i.agent_lost_at, _i.incarnation,
                   _i.observed_drift, _i.observed_waiting)
    return connection.execute(query.where(_i.id == instance_id).with_for_update()).one_or_none()


def _write(connection: Connection, instance_id: str, heartbeat: Heartbeat, now: float,
           *but_if: ColumnElement[bool]) -> bool:
    """A server that is down has the start of the last one that ran."""
    stamp, volume = heartbeat.stamp, heartbeat.volume
    known = tuple_(_i.observed_epoch, _i.observed_boot, _i.observed_sequence)
    newer = known < tuple_(stamp.key_epoch, stamp.boot_count, stamp.sequence)
    statement = update(schema.instances).where(_i.id == instance_id, _i.deleted_at.is_(None), newer, *but_if).values(
        observed_epoch=stamp.key_epoch, observed_boot=stamp.boot_count, observed_sequence=stamp.sequence,
        observed_status=heartbeat.status.value, observed_sentence=heartbeat.sentence, observed_at=now,
        observed_drift=drift.remembered(heartbeat.drift), observed_clock_skew=heartbeat.sent_at - now,
        observed_waiting=" ".join(heartbeat.waiting), agent_lost_at=None,
        server_started_at=func.coalesce(heartbeat.server_started_at, _i.server_started_at),
        volume_total=volume.total if volume else None, volume_used=volume.used if volume else None,
        root_observed=heartbeat.root_enabled)
    return connection.execute(statement).rowcount == 1


def _tell(connection: Connection, instance_id: str, before: Row, heartbeat: Heartbeat,  # type: ignore[type-arg]
          now: float) -> None:
    if before.agent_lost_at is not None:
        events.note(connection, EventKind.AGENT_APPEARED, instance_id, "The agent is heard again.")
    if _restarted_unasked(connection, instance_id, before.server_started_at, heartbeat, now):
        events.note(connection, EventKind.SERVER_RESTARTED, instance_id,
                    "The database server had died, or somebody had stopped it; the agent started it again.")
    for found in drift.news(before.observed_drift, heartbeat.drift):
        kind = EventKind.DRIFT_REPAIRED if found.repaired else EventKind.DRIFT_SEEN
        events.note(connection, kind, instance_id, found.sentence)
    _tell_waiting(connection, instance_id, before, heartbeat)
    silence = 0.0 if before.observed_at is not None and before.agent_lost_at is None else math.inf
    _tell_status(connection, instance_id, before.task, (before.observed_status, silence),
                 (heartbeat.status.value, 0.0), heartbeat.sentence)


def _tell_waiting(connection: Connection, instance_id: str, before: Row, heartbeat: Heartbeat) -> None:  # type: ignore[type-arg]
    """That the server wants a restart for its settings, or no longer does."""
    was, became = (status(Task(before.task), waiting=bool(names))
                   for names in (before.observed_waiting, heartbeat.waiting))
    if was != became:
        names = ", ".join(heartbeat.waiting)
        events.note(connection, EventKind.STATUS, instance_id,
                    f"A restart is wanted for: {names}." if names else "No setting waits for a restart any more.",
                    was=was, became=became)


def _tell_status(connection: Connection, instance_id: str, task: str, was: tuple[str, float],
                 became: tuple[str, float], sentence: str) -> None:
    """``was``, ``became``: the observed status and its age in seconds."""
    shown = [operating_status(Task(task), ServiceStatus(observed), age) for observed, age in (was, became)]
    if shown[0] != shown[1]:
        events.note(connection, EventKind.OPERATING_STATUS, instance_id, sentence, was=shown[0], became=shown[1])


def _restarted_unasked(connection: Connection, instance_id: str, before: float | None, heartbeat: Heartbeat,
                       now: float) -> bool:
    """Whether another server runs than before and no order of ours explains it."""
    if before is None or heartbeat.server_started_at is None or heartbeat.server_started_at - before <= CLOCK_STEP:
        return False
    skew = heartbeat.sent_at - now
    return not orders.explains_start(connection, instance_id, heartbeat.server_started_at - skew, before - skew)
