"""No call passes twice, whatever the senders' clocks say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.openstack.rpc.envelope import Refusal
from troveguest.bus.replay import Refused, ReplayGuard

CALLS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(-100, 2000, allow_nan=False)), max_size=60)


def admitted(guard, message_id, sent_at):
    try:
        guard.admit(message_id, sent_at)
    except Refused:
        return False
    return True


@given(CALLS, st.integers(1, 10))
def test_the_same_message_never_passes_twice(calls, capacity):
    """A copy has its original's id and time: both are sealed."""
    guard = ReplayGuard(window=600, capacity=capacity)
    sent = {}
    messages = [(message_id, sent.setdefault(message_id, sent_at)) for message_id, sent_at in calls]
    passed = [message for message in messages if admitted(guard, *message)]
    assert len(passed) == len(set(passed))


@given(CALLS, st.integers(1, 10))
def test_memory_is_bounded(calls, capacity):
    guard = ReplayGuard(window=600, capacity=capacity)
    for number, (_, sent_at) in enumerate(calls):
        admitted(guard, str(number), sent_at)
        assert len(guard) <= capacity


@given(st.lists(st.floats(0, 599, allow_nan=False), min_size=1, max_size=100))
def test_different_calls_within_the_window_all_pass(times):
    guard = ReplayGuard(window=600)
    assert all(admitted(guard, str(number), sent_at) for number, sent_at in enumerate(times))


def test_what_is_older_than_the_window_is_refused_as_outdated():
    guard = ReplayGuard(window=600)
    guard.admit("new", 1000.0)
    guard.admit("late", 401.0)
    with pytest.raises(Refused) as refused:
        guard.admit("old", 399.0)
    assert refused.value.reason is Refusal.OUTDATED


def test_a_copy_is_refused_as_seen_before():
    guard = ReplayGuard()
    guard.admit("one", 1000.0)
    with pytest.raises(Refused) as refused:
        guard.admit("one", 1000.0)
    assert refused.value.reason is Refusal.REPLAYED


def test_forgotten_ids_do_not_come_back():
    guard = ReplayGuard(window=600, capacity=2)
    for number in range(4):
        guard.admit(str(number), float(number))
    assert not any(admitted(guard, str(number), float(number)) for number in range(4))
