"""Events: written with what they tell of, in an order that a follower may trust, and removed when they are old."""

import threading
import time

import pytest
from sqlalchemy import Connection, event, update

from common.errors import Conflict, DeadlinePassed, NotFound, Unreachable
from common.openstack import context
from tests.trove.world import PASSWORD, wanted
from trove.db import endings, events, operations, schema
from trove.db.commands import Asked, Commands
from trove.db.store import Store
from trove.db.views import Event
from trove.domain.events import MEANINGS, EventKind


def create(commands: Commands, project: str = "p") -> Asked:
    return commands.create_instance(project, wanted(), request_id="req-1")


def seen(store: Store, after: int = 0, **narrow: object) -> tuple[Event, ...]:
    with store.read() as connection:
        return events.page(connection, "p", 1000, after, **narrow).items


def kinds(store: Store) -> list[str]:
    return [each.kind for each in seen(store)]


def note(connection: Connection, instance_id: str, sentence: str) -> None:
    events.note(connection, EventKind.DRIFT_SEEN, instance_id, sentence)


def begin(store: Store, operation_id: str) -> None:
    with store.write() as connection:
        operations.begin(connection, operation_id, "e")
        operations.enter_step(connection, operation_id, "place", "Makes the place.", 600)


def test_every_kind_has_a_meaning() -> None:
    assert set(MEANINGS) == set(EventKind)


def test_the_life_of_a_creation_is_told(store: Store, commands: Commands) -> None:
    asked = create(commands)
    for _ in range(2):  # the second time after a death
        begin(store, asked.operation_id)
    with store.write() as connection:
        for sentence in ("Unpacks.", "Unpacks.", "Starts."):
            operations.get_on(connection, asked.operation_id, sentence, 40.0, time.time() + 60)
    with store.write() as connection, context.bind(context.RequestContext(request_id="req-1")):
        endings.succeed(connection, asked.operation_id)
    told = seen(store)
    assert [(each.kind, each.step, each.sentence) for each in told] == [
        ("operation.asked", None, "A creation is asked for."), ("operation.step", "place", "Makes the place."),
        ("operation.progress", None, "Unpacks."), ("operation.progress", None, "Starts."),
        ("instance.status", None, "The server accepts connections and has what was asked for."),
        ("operation.done", None, "The instance serves.")]
    assert {(each.instance_id, each.instance_name, each.project_id, each.request_id) for each in told} == {
        (asked.instance_id, "books", "p", "req-1")}
    assert {each.operation_id for each in told if each.kind.startswith("operation")} == {asked.operation_id}
    assert (told[4].was, told[4].became) == ("BUILD", "ACTIVE")
    assert PASSWORD not in repr(told)


def test_failures_alike_in_a_row_are_told_once(store: Store, commands: Commands) -> None:
    asked = create(commands)
    begin(store, asked.operation_id)
    for message in ("The broker is away.", "The broker is away.", "The disk is slow.", "The broker is away."):
        with store.write() as connection:
            operations.note_failure(connection, asked.operation_id, Unreachable(message, "Start it."), 1e9)
            operations.note_attempt(connection, asked.operation_id)
    assert [each.sentence for each in seen(store) if each.kind == "operation.retrying"] == [
        f"It is tried again after a failure: {message} Start it."
        for message in ("The broker is away.", "The disk is slow.", "The broker is away.")]


def test_what_ran_out_of_time_is_late_and_has_failed(store: Store, commands: Commands) -> None:
    asked = create(commands)
    begin(store, asked.operation_id)
    for _ in range(2):
        with store.write() as connection:
            endings.run_out(connection, asked.operation_id, DeadlinePassed("It took too long.", "Look."))
    assert kinds(store)[2:] == ["operation.late", "instance.status", "operation.failed"]
    assert seen(store)[2].step == "place"


def test_what_is_called_off_is_told_for_each_operation(store: Store, commands: Commands) -> None:
    asked = create(commands)
    commands.delete_instance("p", asked.instance_id, request_id="req-2")
    assert kinds(store) == ["operation.asked", "instance.status", "operation.cancelled", "operation.asked"]
    assert (seen(store)[2].operation_id, seen(store)[3].request_id) == (asked.operation_id, "req-2")


def test_what_is_taken_back_was_never_told(store: Store, commands: Commands) -> None:
    asked = create(commands)
    rung: list[int] = []
    store.on_events = lambda: rung.append(1)
    with pytest.raises(Conflict):
        commands.restart("p", asked.instance_id, request_id="r")
    with pytest.raises(RuntimeError), store.write() as connection:
        note(connection, asked.instance_id, "It is not so.")
        raise RuntimeError
    with store.write():
        pass
    assert kinds(store) == ["operation.asked"] and rung == []
    with store.write() as connection:
        note(connection, asked.instance_id, "It is so.")
    assert kinds(store) == ["operation.asked", "drift.seen"] and rung == [1]


def test_words_of_others_are_cut_and_harmless_on_a_terminal(store: Store, commands: Commands) -> None:
    asked = create(commands)
    with store.write() as connection:
        note(connection, asked.instance_id, "a\x1b[31mb\n\x9b" + "x" * 2000)
    told = seen(store)[-1].sentence
    assert told.startswith("a [31mb  x") and len(told) == events.LONGEST


def test_who_follows_misses_nothing_that_is_committed_late(store: Store, commands: Commands) -> None:
    """The first transaction has its event written and its commit is held up; the second wants to overtake it."""
    asked = create(commands)
    last = seen(store)[-1].id
    held, go_on = threading.Event(), threading.Event()

    def hold_up(_connection: Connection) -> None:
        if threading.current_thread().name == "slow":
            held.set()
            go_on.wait(30)

    def write(sentence: str) -> None:
        with store.write() as connection:
            note(connection, asked.instance_id, sentence)

    event.listen(store._engine, "commit", hold_up)
    slow = threading.Thread(target=write, args=("slow",), name="slow")
    fast = threading.Thread(target=write, args=("fast",), name="fast")
    slow.start()
    assert held.wait(30)
    fast.start()
    fast.join(0.5)  # it would be through long before, if it could overtake
    early = seen(store, last)
    go_on.set()
    slow.join(30)
    fast.join(30)
    followed = early + seen(store, early[-1].id if early else last)
    assert [each.sentence for each in followed] == ["slow", "fast"]


def test_who_follows_many_writers_sees_all_in_order_and_none_twice(store: Store, commands: Commands) -> None:
    ids = [create(commands).instance_id for _ in range(4)]
    last, writers, each_writes = seen(store)[-1].id, 4, 15

    def write(which: int) -> None:
        for number in range(each_writes):
            with store.write() as connection:
                note(connection, ids[which], f"{which}.{number}")
                connection.execute(update(schema.instances).where(schema.instances.c.id == ids[which])
                                   .values(updated=time.time()))

    threads = [threading.Thread(target=write, args=(which,)) for which in range(writers)]
    for thread in threads:
        thread.start()
    followed: list[Event] = []
    until = time.monotonic() + 60
    while len(followed) < writers * each_writes and time.monotonic() < until:
        followed += seen(store, followed[-1].id if followed else last)
    for thread in threads:
        thread.join()
    assert [each.id for each in followed] == sorted({each.id for each in followed})
    for which in range(writers):
        assert [each.sentence for each in followed if each.instance_id == ids[which]] == [
            f"{which}.{number}" for number in range(each_writes)]


def test_a_page_is_of_a_project_or_an_instance_behind_an_id_and_from_a_time_on(
        store: Store, commands: Commands) -> None:
    first, second, others = create(commands), create(commands), create(commands, "q")
    with store.write() as connection:
        connection.execute(update(schema.events).where(schema.events.c.instance_id == first.instance_id)
                           .values(at=1000.0))
    assert [each.instance_id for each in seen(store)] == [first.instance_id, second.instance_id]
    assert [each.instance_id for each in seen(store, since=1000.0)] == [first.instance_id, second.instance_id]
    assert [each.instance_id for each in seen(store, since=1000.5)] == [second.instance_id]
    assert seen(store, instance_id=others.instance_id) == ()
    with pytest.raises(NotFound):
        commands.page_events("p", instance_id=others.instance_id)
    page = commands.page_events("p", 1)
    assert page.next_marker == str(page.items[0].id)
    assert [each.instance_id for each in commands.page_events("p", 1, page.items[0].id).items] == [second.instance_id]
    assert commands.page_events("p", 2).next_marker is None


def test_old_ones_are_removed_a_few_at_a_time_and_no_id_comes_again(store: Store, commands: Commands) -> None:
    asked = create(commands)
    with store.write() as connection:
        for number in range(5):
            note(connection, asked.instance_id, str(number))
    last = seen(store)[-1].id
    with store.write() as connection:
        assert events.prune(connection, time.time() - 60, 100) == 0
    for left in ([*"234"], [*"4"], [], []):
        with store.write() as connection:
            events.prune(connection, time.time() + 60, 2 if len(left) != 3 else 3)
        assert [each.sentence for each in seen(store)] == left
    with store.write() as connection:
        note(connection, asked.instance_id, "new")
    assert seen(store)[-1].id > last
