"""kill -9 of whoever is there before, in and after every step of every flow: the end is that of an undisturbed one.

``TROVE_WALK_SEED`` repeats a run's order.
"""

import os
import random
from collections.abc import Iterator

import pytest

from tests.chaos.gates import HaltingInstallation, Moment, halting_installation
from tests.chaos.walk import AGENT, BROKER, CONTROL_PLANE, FLOWS, SERVER, Case, Walk, moments
from trove.taskmanager import durable

pytestmark = pytest.mark.server

SEED = int(os.environ.get("TROVE_WALK_SEED") or random.SystemRandom().randrange(2**32))
WIDTH = 6
"""Lives at a time."""


@pytest.fixture(scope="module")
def halting() -> Iterator[HaltingInstallation]:
    with halting_installation() as made:
        yield made


def test_some_steps(halting: HaltingInstallation) -> None:
    """What changes most, and quickly."""
    flows = ("create", "restart", "configure", "rotate_keys", "delete")
    walk = Walk(halting, WIDTH, SEED)
    walk.look_around(flows)
    walk.strike_all([
        Case("create", Moment("create", "prepare", "before"), CONTROL_PLANE),
        Case("create", Moment("create", "place", "after"), CONTROL_PLANE),
        Case("restart", Moment("restart", "restart_server", "after"), CONTROL_PLANE),
        Case("configure", Moment("configure", "apply", "after"), CONTROL_PLANE),
        Case("rotate_keys", Moment("rotate_keys", "deliver_keys", "after"), CONTROL_PLANE),
        Case("delete", Moment("delete", "unplace", "after"), CONTROL_PLANE),
        Case("create", Moment("create", "await_agent", "after"), AGENT),
        Case("restart", Moment("restart", "restart_server", "before"), AGENT),
        Case("rotate_keys", Moment("rotate_keys", "close_login", "before"), AGENT),
        Case("rotate_keys", Moment("rotate_keys", "close_login", "after"), BROKER),
        Case("delete", Moment("delete", "unplace", "before"), AGENT),
    ])
    assert walk.failed == {}


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_step(halting: HaltingInstallation) -> None:
    print(f"TROVE_WALK_SEED={SEED}")
    walk = Walk(halting, WIDTH, SEED)
    walk.look_around(tuple(FLOWS))
    cases = walk.cases(tuple(FLOWS))
    walk.strike_all(cases)
    assert set(cases) <= walk.walked
    assert_nothing_is_left_out(walk.walked)
    assert walk.failed == {}


def assert_nothing_is_left_out(walked: set[Case]) -> None:
    """Every flow that the product has, every step of it, both sides of it, and every kind of victim somewhere."""
    assert set(FLOWS.values()) == set(durable.FLOWS)
    for flow, kind in FLOWS.items():
        for victim in (CONTROL_PLANE, "broker"):
            struck = {case.moment for case in walked if (case.flow, case.victim) == (flow, victim)}
            assert set(moments(kind)) <= struck, (flow, victim)
    for victim in (AGENT, SERVER, "job"):
        assert {case.flow for case in walked if case.victim == victim} >= {"create", "delete"}, victim
