"""Who goes faster than the others waits, and nobody else does."""

from trove.bus.pace import Pace


def test_so_many_at_once_then_so_many_a_second() -> None:
    pace = Pace(rate=10.0, burst=3, clock=lambda: 100.0)
    turns = [pace.turn("fast") for _ in range(6)]
    assert turns[:3] == [100.0] * 3
    assert [round(turn - 100.0, 6) for turn in turns[3:]] == [0.1, 0.2, 0.3]
    assert pace.turn("slow") == 100.0


def test_a_pause_gives_turns_back_and_no_more_than_there_were() -> None:
    now = [0.0]
    pace = Pace(rate=10.0, burst=3, clock=lambda: now[0])
    for _ in range(5):
        pace.turn("one")
    now[0] = 1000.0
    assert [round(pace.turn("one") - 1000.0, 6) for _ in range(4)] == [0.0, 0.0, 0.0, 0.1]


def test_who_is_forgotten_begins_anew() -> None:
    pace = Pace(rate=1.0, burst=1, clock=lambda: 0.0)
    assert [pace.turn("one"), pace.turn("one")] == [0.0, 1.0]
    pace.forget("one")
    assert pace.turn("one") == 0.0
