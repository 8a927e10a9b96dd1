"""The agent of an instance replaced by that of another release. The database server goes on meanwhile."""

import time
from pathlib import PurePath

from common.contract import Guest, methods, version
from common.errors import DeadlinePassed
from trove.db import instances, operations

from . import create, guestwork, turn
from .steps import Run, Work, step

SINCE = methods(Guest)["upgrade"].since
"""The contract of the first agents that can be replaced while they run."""


def upgrade(run: Run) -> None:
    run(turn.take_turn)
    run(deliver)
    run(replace)
    run(await_report)
    run(pin)
    run.succeed()


@step("Brings the release to the machine of the instance.", patience=900)
def deliver(work: Work) -> None:
    release = PurePath(_delivered(work)).name
    with work.write() as connection:
        operations.set_release(connection, work.operation_id, release)


@step("The new agent takes over; the database server goes on.", patience=180, at_most=600)
def replace(work: Work) -> None:
    instance, path = work.instance(), _delivered(work)
    release, spoken = PurePath(path).name, instance.observed.contract_version
    if spoken is not None and not version.understands(spoken, SINCE):
        work.get_on(f"The agent speaks contract {spoken} and cannot be replaced while it runs: it is restarted under "
                    "the new release.", None, time.time())
        create.put_in_place(work.services, instance, release)
    elif instance.observed.agent_release != release:
        guestwork.carry_out(work, "upgrade", lambda guest, order_id, seconds: guest.upgrade(
            operation_id=order_id, deadline=seconds, patience=guestwork.ANSWER, release=path, total=release))


@step("Waits for the new agent's report.", patience=180)
def await_report(work: Work) -> None:
    release = _release(work)
    work.until(lambda: work.instance().observed.agent_release == release, DeadlinePassed(
        "The agent did not report from the new release.",
        "It goes on from the one before; the agent's log in the instance's directory says why."))


@step("Notes the release.", patience=60)
def pin(work: Work) -> None:
    release = _release(work)
    assert release is not None
    with work.write() as connection:
        instances.pin(connection, work.instance_id, release)


def _delivered(work: Work) -> str:
    """Where it is on the instance's machine; it is brought there where it is missing."""
    spot = work.instance().spot
    return work.services.provider.deliver(_release(work), spot.host if spot else None)


def _release(work: Work) -> str | None:
    with work.services.store.read() as connection:
        return operations.get(connection, work.operation_id).release
