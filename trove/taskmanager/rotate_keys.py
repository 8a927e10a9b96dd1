"""The keys and the broker login of a guest replaced by others, while its agent and its database server go on.

The new ones are valid before the agent has them, and the former ones until it reports under the new ones: whatever is
killed in between, what the agent has opens. They go to the instance as at its placing, never over the bus, where
somebody who has the former ones could read them.
"""

from common.contract import version
from common.errors import DeadlinePassed, TooOld, Unreachable
from common.openstack import log
from trove.db import guests

from . import create, turn
from .steps import Run, Work, step

LOG = log.get(__name__)

SINCE = "1.4"
"""The contract of the first agents that look for another login when the broker does not take theirs."""

ANSWER = 15.0
"""Seconds in which a guest answers under its new keys."""


def rotate_keys(run: Run) -> None:
    run(turn.take_turn)
    run(open_login)
    run(deliver_keys)
    run(close_login)
    run(drop_keys)
    run.succeed()


@step("Draws new keys, and opens a login at the broker that goes with them.", patience=120)
def open_login(work: Work) -> None:
    """Raises TooOld. Keys that an earlier operation drew, and did not bring to their end, are the ones."""
    _require_able(work)
    vault = work.services.store.vault
    with work.services.store.read() as connection:
        drawn = guests.following(connection, vault, work.instance_id)
        passwords = guests.bus_passwords(connection, vault, work.instance_id)
    if drawn is None:
        drawn = guests.Secrets.draw(max(passwords) + 1)
    work.services.topology.create(work.instance_id, {**passwords, drawn.keys.epoch: drawn.password})
    with work.write() as connection:
        guests.keep_next(connection, vault, work.instance_id, drawn)


@step("Puts the new keys and the new login into the agent's files.", patience=600)
def deliver_keys(work: Work) -> None:
    create.put_in_place(work.services, work.instance())


@step("Closes the former login; the agent connects with the new one.", patience=600)
def close_login(work: Work) -> None:
    with work.services.store.read() as connection:
        drawn = guests.following(connection, work.services.store.vault, work.instance_id)
    if drawn is None:
        return  # an earlier life has done the next step, and died before it was noted
    work.services.topology.close_former(work.instance_id, drawn.keys.epoch)

    def has_them() -> bool:
        with work.services.store.read() as connection:
            return guests.reports_under(connection, work.instance_id) >= drawn.keys.epoch

    work.until(has_them, DeadlinePassed(
        "The agent does not report under its new keys.",
        "Look at the agent's log in the instance's directory, then retry: until then both keys are valid."))


@step("Drops the former keys, here and on the instance.", patience=180)
def drop_keys(work: Work) -> None:
    """The agent drops its own when it is spoken to under the new ones."""
    vault = work.services.store.vault
    with work.write() as connection:
        guests.drop_former(connection, vault, work.instance_id)
        epoch = guests.current(connection, vault, work.instance_id).keys.epoch
    work.services.topology.close_former(work.instance_id, epoch)
    try:
        work.services.guests.of(work.instance_id).rpc_ping(deadline=ANSWER)
    except DeadlinePassed as error:  # the answer may be lost: it is asked again while there is time
        raise Unreachable(error.message, error.hint) from None
    LOG.info("A guest has new keys, and the former ones open nothing.", instance=work.instance_id, epoch=epoch)


def _require_able(work: Work) -> None:
    """Raises TooOld."""
    spoken = work.instance().observed.contract_version
    if spoken is not None and not version.understands(spoken, SINCE):
        raise TooOld(f"The guest agent speaks version {spoken} of the contract; keys are changed from {SINCE} on.",
                     "Upgrade the instance's guest agent: trovectl agent upgrade INSTANCE.")
