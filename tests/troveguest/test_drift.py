"""What was found is told of once, for as long as it is worth it, and never flickers."""

import pytest

from common.contract.types import Drift
from troveguest.drift import TOLD_FOR, Watch

FIXED = Drift(sentence="It was changed and put right.", repaired=True)
LASTING = Drift(sentence="It is not as it should be.")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_lasts_keeps_the_moment_at_which_it_was_seen_first(clock: Clock) -> None:
    watch = Watch(clock)
    watch.note([LASTING])
    first = watch.known
    clock.now += 10 * TOLD_FOR
    watch.note([LASTING])
    assert watch.known == first and watch.unrepaired
    assert [drift.found_at for drift in first] == [1000.0]
    watch.note([])
    assert watch.known == () and not watch.unrepaired


def test_a_repair_is_told_of_for_some_minutes(clock: Clock) -> None:
    watch = Watch(clock)
    watch.note([FIXED])
    clock.now += TOLD_FOR - 1
    watch.note([])
    assert [drift.sentence for drift in watch.known] == [FIXED.sentence] and not watch.unrepaired
    clock.now += 1
    watch.note([])
    assert watch.known == ()


def test_what_is_undone_again_and_again_is_told_of_once_in_that_time(clock: Clock) -> None:
    watch = Watch(clock)
    seen = set()
    for _ in range(int(TOLD_FOR) // 30 + 1):
        watch.note([FIXED])
        seen.add(watch.known)
        clock.now += 30
    assert sorted(known[0].found_at for known in seen) == [1000.0, 1000.0 + TOLD_FOR]
