"""One answer, decided once, over threads."""

import threading

import pytest

from common.openstack.rpc.promise import Promise


def test_the_first_decision_counts():
    promise = Promise()
    promise.resolve(1)
    promise.resolve(2)
    promise.fail(KeyError())
    assert promise.wait(0) == 1


def test_a_failure_is_raised_where_it_is_waited_for():
    promise = Promise()
    promise.fail(KeyError("gone"))
    with pytest.raises(KeyError, match="gone"):
        promise.wait(1)


def test_patience_ends():
    with pytest.raises(TimeoutError):
        Promise().wait(0.01)


def test_it_wakes_the_thread_that_waits():
    promise = Promise()
    thread = threading.Thread(target=promise.resolve, args=("done",))
    thread.start()
    assert promise.wait(20) == "done"
    thread.join()
