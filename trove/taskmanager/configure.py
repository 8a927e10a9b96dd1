"""Other settings for a database server: at once where it can change them, else at its next start."""

from common.errors import DeadlinePassed, Unreachable
from trove.db import configurations, parameters
from trove.db.views import Scope
from trove.domain.configurations import touched

from . import turn
from .steps import Run, Work, step

ANSWER = 30.0
"""Seconds in which a guest must have brought them in."""


def configure(run: Run) -> None:
    run(turn.take_turn)
    run(apply)
    run.succeed()


@step("The database server gets its settings.", patience=180)
def apply(work: Work) -> None:
    """Those that the instance's group has now, however many changes there were since it was asked for."""
    instance = work.instance()
    with work.services.store.read() as connection:
        group = None if instance.configuration is None else configurations.get(
            connection, Scope.EVERY_PROJECT, instance.configuration.id)
        before = configurations.configured(connection, work.instance_id)
        catalogue = parameters.catalogue(connection, instance.version)
    wanted = dict(group.values) if group is not None else {}
    try:
        work.services.guests.of(work.instance_id).update_overrides(
            deadline=ANSWER, overrides=wanted, live=catalogue.live(touched(before, wanted)),
            repair=group is not None and group.repair)
    except DeadlinePassed as error:  # the answer may be lost: the call can be repeated, and is while there is time
        raise Unreachable(error.message, error.hint) from None
    with work.write() as connection:
        configurations.set_configured(connection, work.instance_id, wanted)
