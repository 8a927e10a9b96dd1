"""The first step of every flow: one operation at a time on an instance."""

from common.errors import DeadlinePassed
from trove.db import operations

from .steps import Work, step


@step("Waits for what is under way on the instance.", patience=1800)
def take_turn(work: Work) -> None:
    """What was under way when a deletion was asked for is called off and ends soon."""
    work.until(lambda: _is_first(work), DeadlinePassed(
        "An earlier operation on the instance does not end.", "Ask again later; the log of the task manager names it."))


def _is_first(work: Work) -> bool:
    with work.services.store.read() as connection:
        return operations.is_first(connection, work.operation_id)
