"""Which records are outlived, and what goes with them."""

import time

from sqlalchemy import func, select, update

from common.errors import HostFailed
from tests.trove.world import wanted
from trove.db import endings, operations, orders, pruning, schema
from trove.db.commands import Asked, Commands
from trove.db.store import Store

LONG_AGO = time.time() - 1000


def end(store: Store, operation_id: str, *, well: bool = True) -> None:
    """Ends it as if that had been long ago."""
    with store.write() as connection:
        operations.begin(connection, operation_id, "e")
        orders.ask(connection, f"{operation_id}.order", operations.get(connection, operation_id).instance_id, "order")
        if well:
            endings.succeed(connection, operation_id)
        else:
            endings.fail(connection, operation_id, HostFailed("The disk is gone."))
        connection.execute(update(schema.operations).where(schema.operations.c.id == operation_id)
                           .values(updated=LONG_AGO, created=LONG_AGO))


def create(store: Store, commands: Commands, *, well: bool = True) -> Asked:
    asked = commands.create_instance("p", wanted(), request_id="r")
    end(store, asked.operation_id, well=well)
    return asked


def outlived(store: Store, before: float, most: int = 100) -> set[str]:
    with store.read() as connection:
        return set(pruning.outlived(connection, before, most))


def test_the_newest_operation_of_a_living_instance_is_kept(store: Store, commands: Commands) -> None:
    first = create(store, commands)
    second = commands.restart("p", first.instance_id, request_id="r")
    assert outlived(store, time.time()) == set(), "a restart is under way"
    end(store, second.operation_id)
    with store.write() as connection:
        connection.execute(update(schema.operations).where(schema.operations.c.id == first.operation_id)
                           .values(created=LONG_AGO - 1))
    assert outlived(store, time.time()) == {first.operation_id}
    assert outlived(store, LONG_AGO - 10) == set(), "not old enough"


def test_all_of_an_instance_that_failed_is_kept(store: Store, commands: Commands) -> None:
    first = create(store, commands, well=False)
    again = commands.retry("p", first.operation_id, request_id="r")
    end(store, again.id, well=False)
    assert outlived(store, time.time()) == set()


def test_a_deleted_instance_keeps_nothing_and_batches_are_small(store: Store, commands: Commands) -> None:
    kept, gone = create(store, commands), create(store, commands)
    removal = commands.delete_instance("p", gone.instance_id, request_id="r")
    end(store, removal.operation_id)
    everything = {gone.operation_id, removal.operation_id}
    assert len(outlived(store, time.time(), most=1)) == 1
    assert outlived(store, time.time()) == everything
    with store.write() as connection:
        pruning.remove(connection, sorted(everything))
    assert outlived(store, time.time()) == set()
    with store.read() as connection:
        left = {row.id for row in connection.execute(select(schema.guest_orders.c.id))}
        assert left == {f"{kept.operation_id}.order"}
        assert connection.execute(select(func.count()).select_from(schema.operations)).scalar_one() == 1
