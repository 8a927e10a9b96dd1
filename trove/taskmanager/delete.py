"""The removal of an instance: from every state, whether or not its agent or its guest can still be reached."""

from . import turn
from .steps import Run, Work, step


def delete(run: Run) -> None:
    run(turn.take_turn)
    run(unplace)
    run(close_bus)
    run.succeed()


@step("Stops the database server and removes the place.", patience=600)
def unplace(work: Work) -> None:
    spot = work.instance().spot
    work.services.provider.unplace(work.instance_id, spot.host if spot else None)


@step("Closes the way to the instance on the message bus.", patience=300)
def close_bus(work: Work) -> None:
    work.announce(f"conductor.unwatch.{work.instance_id}")
    work.services.topology.delete(work.instance_id)
    work.services.guests.forget(work.instance_id)
