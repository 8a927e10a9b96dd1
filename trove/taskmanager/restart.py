"""The restart of a database server."""

from . import guestwork, turn
from .steps import Run, Work, step


def restart(run: Run) -> None:
    run(turn.take_turn)
    run(restart_server)
    run.succeed()


@step("The database server restarts.", patience=420, at_most=600)
def restart_server(work: Work) -> None:
    guestwork.carry_out(work, "restart", lambda guest, order_id, seconds: guest.restart(
        operation_id=order_id, deadline=seconds, patience=guestwork.ANSWER))
