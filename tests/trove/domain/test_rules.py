"""Rules as tables: what leads where, what may be asked for, which version is meant, what it costs."""

from collections import deque
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contract import types as t
from common.datastores import manifest
from common.errors import Conflict, Invalid, OverQuota, Refused, TroveError, Unsupported
from common.secret import Secret
from trove.domain import creation, limits, selection
from trove.domain.creation import NewInstance, Rules
from trove.domain.kinds import KINDS, Kind
from trove.domain.states import EDGES, Event, Task, step

FAKE = manifest("fake")


@pytest.mark.parametrize("start", [task for task in Task if task is not Task.DELETED])
def test_from_every_state_a_person_gets_to_deleted(start: Task) -> None:
    """By asking for the deletion, and nothing else: what happens then is the control plane's part."""
    reached, queue = {start}, deque([step(start, Event.DELETE_ASKED).target])
    while queue:
        task = queue.popleft()
        reached.add(task)
        for edge in EDGES:
            if edge.source is task and edge.event in (Event.REMOVED, Event.DELETE_BROKE, Event.DELETE_ASKED):
                queue += [edge.target] if edge.target not in reached else []
    assert Task.DELETED in reached


def test_every_state_is_reached_from_a_creation() -> None:
    reached, queue = set(), deque([Task.BUILDING])
    while queue:
        task = queue.popleft()
        reached.add(task)
        queue += [edge.target for edge in EDGES if edge.source is task and edge.target not in reached]
    assert reached == set(Task)


@given(st.lists(st.sampled_from(Event), max_size=12))
def test_whatever_happens_is_an_edge_or_refused_and_leaves_a_way_out(events: list[Event]) -> None:
    task = Task.BUILDING
    for event in events:
        try:
            edge = step(task, event)
        except Conflict as refused:
            assert not any((edge.source, edge.event) == (task, event) for edge in EDGES)
            assert refused.message and refused.hint
        else:
            assert edge in EDGES and edge.sentence
            task = edge.target
    if task is not Task.DELETED:
        assert step(step(task, Event.DELETE_ASKED).target, Event.REMOVED).target is Task.DELETED


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_an_operation_can_end_both_ways(kind: object) -> None:
    assert step(kind.during, kind.done).target in (Task.NONE, Task.DELETED)
    assert kind.failed.value.endswith("failed") or kind.failed is Task.NONE


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_what_failed_can_be_asked_for_again(kind: Kind) -> None:
    assert step(kind.failed, kind.again).target is kind.during


@pytest.mark.parametrize("task", Task)
def test_what_is_under_way_can_be_called_off_except_a_deletion(task: Task) -> None:
    targets = {edge.target for edge in EDGES if (edge.source, edge.event) == (task, Event.CANCEL_ASKED)}
    assert targets == {Task.BUILDING: {Task.BUILD_FAILED}, Task.RESTARTING: {Task.NONE},
                       Task.UPGRADING: {Task.NONE}, Task.CONFIGURING: {Task.NONE},
                       Task.STOPPING: {Task.NONE}, Task.ROTATING: {Task.NONE}}.get(task, set())


@pytest.mark.parametrize("task", [task for task in Task if task.value.endswith("ing")])
def test_no_state_of_work_under_way_is_without_an_operation(task: Task) -> None:
    assert task in {kind.during for kind in KINDS.values()}


USER = t.NewUser(name="reader", password=Secret("a-password"), databases=("shelf",))
SHELF = t.Database(name="shelf")


@pytest.mark.parametrize(("wanted", "error"), [
    (NewInstance("n", "1", 1), None),
    (NewInstance("n", "1", 1, databases=(SHELF,), users=(USER,)), None),
    (NewInstance("n", "1", 1024), None),
    (NewInstance("", "1", 1), Invalid),
    (NewInstance("ü", "1", 1), Invalid),
    (NewInstance("n" * 256, "1", 1), Invalid),
    (NewInstance("n", "1", None), Invalid),
    (NewInstance("n", "1", -1), Invalid),
    (NewInstance("n", "1", 1025), OverQuota),
    (NewInstance("n", "1", 1, users=(USER,)), Invalid),
    (NewInstance("n", "1", 1, databases=(SHELF, SHELF)), Invalid),
    (NewInstance("n", "1", 1, databases=(SHELF,), users=(USER, USER)), Invalid),
    (NewInstance("n", "1", 1, databases=(t.Database(name=next(iter(FAKE.reserved_databases))),)), Refused),
    (NewInstance("n", "1", 1, users=(t.NewUser(name=next(iter(FAKE.reserved_users)), password=Secret("x1x1x1x1")),)),
     Refused),
])
def test_what_may_be_asked_for(wanted: NewInstance, error: type[TroveError] | None) -> None:
    if error is None:
        creation.check(wanted, FAKE, Rules())
    else:
        with pytest.raises(error):
            creation.check(wanted, FAKE, Rules())


def test_one_name_on_two_hosts_is_two_users() -> None:
    users = tuple(t.NewUser(name="a", host=host, password=Secret("x1x1x1x1")) for host in ("%", "10.0.0.1"))
    creation.check(NewInstance("n", "1", 1, users=users), FAKE, Rules())


def test_volumes_can_be_switched_off() -> None:
    creation.check(NewInstance("n", "1"), FAKE, Rules(volumes=False))
    with pytest.raises(Unsupported):
        creation.check(NewInstance("n", "1", 1), FAKE, Rules(volumes=False))


@dataclass(frozen=True)
class Version:
    id: str
    name: str
    number: str
    active: bool = True


OLD, NEW, NEWER, GONE = (Version("i1", "10.6", "10.6"), Version("i2", "10.11", "10.11.2"),
                         Version("i3", "10.11", "10.11.9"), Version("i4", "10.4", "10.4", active=False))
ALL = (OLD, NEW, NEWER, GONE)


@pytest.mark.parametrize(("default", "wanted", "number", "chosen"), [
    ("i1", None, None, OLD),
    ("i1", "10.6", None, OLD),
    ("i1", "i3", None, NEWER),
    ("i1", "10.11", "10.11.2", NEW),
    ("i1", None, "10.11.9", NEWER),
    ("i1", "10.11", None, "Several versions"),
    ("i1", "10.4", None, "is not active"),
    ("i1", "9", None, "no datastore version 9. Choose one of: 10.11 (number 10.11.2)"),
    ("i1", "10.6", "10.7", "no datastore version 10.6"),
    (None, None, None, "no datastore version by default"),
])
def test_which_version_is_meant(default: str | None, wanted: str | None, number: str | None,
                                chosen: Version | str) -> None:
    if isinstance(chosen, Version):
        assert selection.choose_version(ALL, default, wanted, number) is chosen
    else:
        with pytest.raises(Invalid) as refusal:
            selection.choose_version(ALL, default, wanted, number)
        assert chosen in refusal.value.sentence()


def test_what_an_instance_costs() -> None:
    assert limits.charge(512, 3) == {"instances": 1, "ram": 512, "volumes": 3}
    assert limits.charge(512, None)["volumes"] == 0
    assert set(limits.charge(1, 1)) < set(limits.RESOURCES) == set(Rules().limits())
