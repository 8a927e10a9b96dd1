"""The life of a creation, top to bottom. What it makes stays where it fails, to look at, retry or delete."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import msgspec

from common.contract.types import Prepare
from common.errors import DeadlinePassed, Internal
from trove.db import guests, instances, spots
from trove.db.views import Instance
from trove.providers.base import Wanted

from . import guestwork, turn
from .services import Services
from .steps import Run, Work, step


def create(run: Run) -> None:
    run(turn.take_turn)
    run(find_spot)
    run(place)
    run(await_agent)
    run(prepare)
    run.succeed()


@step("Looks for an address.", patience=60)
def find_spot(work: Work) -> None:
    """Raises NoSpace."""
    instance = work.instance()
    if instance.spot is None:
        with work.write() as connection:
            spots.take_turn(connection)
            loads = spots.loads(connection)
            spots.store(connection, instance.id, work.services.provider.find_spot(wanted(instance), loads))


@step("Looks whether the machine can carry it, and makes the place: users, limits, volume, agent, its way on the bus.",
      patience=600)
def place(work: Work) -> None:
    """The way is opened meanwhile: the agent comes to it last of all."""
    order = _order(work)
    with ThreadPoolExecutor(1) as beside:
        opening = beside.submit(copy_context().run, open_bus, work)
        put_in_place(work.services, work.instance(), template=order is not None and not order.overrides)
    opening.result()


def open_bus(work: Work) -> None:
    with work.services.store.read() as connection:
        logins = guests.bus_passwords(connection, work.services.store.vault, work.instance_id)
    work.services.topology.create(work.instance_id, logins)
    work.announce(f"conductor.watch.{work.instance_id}")


@step("Waits for the instance's agent.", patience=180)
def await_agent(work: Work) -> None:
    """It finds its first order when it comes, and is at work on it by the time that its coming is known here."""
    order = _order(work)
    if order is not None:
        guestwork.order_ahead(work, "prepare", _sending(order), prepare.at_most)
    work.until(lambda: work.instance().observed.incarnation is not None, DeadlinePassed(
        "The agent did not report.", "Look at the agent's log in the instance's directory; then delete the instance."))


@step("Makes and starts the database server, with its databases and users.", patience=900, at_most=3600)
def prepare(work: Work) -> None:
    order = _order(work)
    if order is None:
        work.check()  # whoever asks for its deletion wipes its order
        raise Internal("The order of this creation is wiped already.", "Delete the instance and create it again.")
    guestwork.carry_out_once(work, "prepare", _sending(order))


def _order(work: Work) -> Prepare | None:
    with work.services.store.read() as connection:
        return guests.order(connection, work.services.store.vault, work.instance_id)


def _sending(order: Prepare) -> guestwork.Send:
    return lambda guest, order_id, seconds: guest.prepare(
        operation_id=order_id, deadline=seconds, patience=guestwork.ANSWER, order=order)


def wanted(instance: Instance) -> Wanted:
    """As a provider is asked for it."""
    return Wanted(instance_id=instance.id, datastore=instance.version.manager,
                  datastore_version=instance.version.number, memory_mb=instance.flavor.ram,
                  vcpus=instance.flavor.vcpus, volume_gb=instance.volume_gb, spot=instance.spot,
                  release=instance.release, binaries=instance.version.binaries)


def put_in_place(services: Services, instance: Instance, release: str | None = None, *,
                 template: bool = False) -> tuple[str, ...]:
    """Makes or repairs its place, with the agent in it; a server that runs there goes on. What had to be put right.

    An agent that is there keeps its release, unless it is restarted to try ``release``. With ``template`` a new place
    gets data that was initialised before, where the provider has some. Raises what the provider raises.
    """
    vault = services.store.vault
    with services.store.read() as connection:
        secrets = guests.placement(connection, vault, instance.id)
    login = services.endpoint.login(instance.id, secrets.password, instance.spot, secrets.keys.epoch)
    asked = dataclasses.replace(wanted(instance), template=template)
    if release is not None:
        asked = dataclasses.replace(asked, release=release, replaces_release=True)
    placed = services.provider.place(asked, login, secrets.keys)
    with services.store.write() as connection:
        decided = msgspec.structs.replace(placed, repaired=(), release="")
        instances.set_placement(connection, instance.id, msgspec.to_builtins(decided))
        if instance.release is None and placed.release:
            instances.pin(connection, instance.id, placed.release)
    return placed.repaired
