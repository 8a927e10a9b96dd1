"""The restart of a database server, by itself or with its place put right; and its stop."""

from common.errors import Invalid, TroveError
from common.openstack import log
from trove.db import configurations

from . import guestwork, turn
from .create import put_in_place
from .steps import Final, Run, Work, step

LOG = log.get(__name__)

ANSWER = 15.0
"""Seconds in which a guest says what settings its server has."""


def restart(run: Run) -> None:
    run(turn.take_turn)
    run(restart_server)
    run.succeed()


def reboot(run: Run) -> None:
    run(turn.take_turn)
    run(place_again)
    run(restart_server)
    run.succeed()


def stop(run: Run) -> None:
    run(turn.take_turn)
    run(stop_server)
    run.succeed()


@step("Puts the place right: users, limits, volume, agent.", patience=600)
def place_again(work: Work) -> None:
    """As after a reboot of the machine, of which an instance has no more than this."""
    put_in_place(work.services, work.instance())


@step("The database server stops.", patience=300, at_most=600)
def stop_server(work: Work) -> None:
    guestwork.carry_out(work, "stop_db", lambda guest, order_id, seconds: guest.stop_db(
        operation_id=order_id, deadline=seconds, patience=guestwork.ANSWER))


@step("The database server restarts.", patience=420, at_most=600)
def restart_server(work: Work) -> None:
    try:
        guestwork.carry_out(work, "restart", lambda guest, order_id, seconds: guest.restart(
            operation_id=order_id, deadline=seconds, patience=guestwork.ANSWER))
    except Final as final:
        if isinstance(final.error, Invalid):
            _note_settings(work)
        raise


def _note_settings(work: Work) -> None:
    """After a roll-back: what the server has instead of what its guest was given, or the next plan would be wrong."""
    with work.services.store.read() as connection:
        given = configurations.configured(connection, work.instance_id)
    try:
        has = work.services.guests.of(work.instance_id).get_settings(deadline=ANSWER, names=tuple(given))
    except TroveError as error:
        LOG.warning(f"The settings that are in force are not known: {error.message}", instance=work.instance_id)
        return
    with work.write() as connection:
        configurations.set_configured(connection, work.instance_id, {**given, **has})
