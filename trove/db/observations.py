"""What agents report, as the conductor writes it: the newer observation stands, in whatever order they arrive."""

from sqlalchemy import Connection, tuple_, update

from common.contract.types import Heartbeat, Hello

from . import schema

_i = schema.instances.c


def accept_hello(connection: Connection, instance_id: str, hello: Hello) -> bool:
    """False when the instance does not live or a later life of its agent has said hello already."""
    stamp, agent = hello.stamp, hello.agent
    earlier = tuple_(_i.hello_epoch, _i.hello_boot) <= tuple_(stamp.key_epoch, stamp.boot_count)
    statement = update(schema.instances).where(_i.id == instance_id, _i.deleted_at.is_(None), earlier).values(
        hello_epoch=stamp.key_epoch, hello_boot=stamp.boot_count, agent_version=agent.agent_version,
        contract_version=agent.contract_version, capabilities=" ".join(sorted(agent.capabilities)),
        incarnation=agent.incarnation)
    return connection.execute(statement).rowcount == 1


def accept_heartbeat(connection: Connection, instance_id: str, heartbeat: Heartbeat, now: float) -> bool:
    """False when the instance does not live or this is not newer than what is known. ``now``: seconds since 1970."""
    stamp, volume = heartbeat.stamp, heartbeat.volume
    known = tuple_(_i.observed_epoch, _i.observed_boot, _i.observed_sequence)
    newer = known < tuple_(stamp.key_epoch, stamp.boot_count, stamp.sequence)
    statement = update(schema.instances).where(_i.id == instance_id, _i.deleted_at.is_(None), newer).values(
        observed_epoch=stamp.key_epoch, observed_boot=stamp.boot_count, observed_sequence=stamp.sequence,
        observed_status=heartbeat.status.value, observed_sentence=heartbeat.sentence, observed_at=now,
        observed_clock_skew=heartbeat.sent_at - now, server_started_at=heartbeat.server_started_at,
        volume_total=volume.total if volume else None, volume_used=volume.used if volume else None,
        root_observed=heartbeat.root_enabled)
    return connection.execute(statement).rowcount == 1
