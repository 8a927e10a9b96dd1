"""What becomes of a tenant's settings, whatever dies in the middle: shown on the engine in memory."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from common.contract.types import ServiceStatus
from common.errors import DeadlinePassed, EngineFailed, Invalid
from troveguest.conformance import asking, fake, ordering
from troveguest.conformance.subject import Subject
from troveguest.datastores import overrides as module
from troveguest.journal import Wanted
from troveguest.loop import Backoff, Loop

GOOD, DEADLY = {"buffer_size": "4096"}, {"buffer_size": "0"}


class Died(BaseException):
    """The agent, between two things that it does on the disk or with the server."""


@pytest.fixture
def subject() -> Iterator[Subject]:
    with fake.subject() as made:
        made.engine.initialise(asking.prepare(overrides=GOOD))
        made.engine.start(10)
        yield made


def dies_after(host: Any, acts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it does the next of those that change something."""
    left = count(-acts)

    def dying(act: Callable[..., object]) -> Callable[..., object]:
        def one_more(*arguments: object, **named: object) -> object:
            if next(left) >= 0:
                raise Died
            return act(*arguments, **named)
        return one_more

    for name in ("write_for_engine", "set_command", "start_database", "stop_database"):
        monkeypatch.setattr(host, name, dying(getattr(host, name)))


def restart(engine: Any) -> None:
    engine.configure()
    engine.stop(10)
    engine.start(10)


def next_life(subject: Subject) -> Any:
    """As the loop starts a server that is down: again when it failed."""
    engine = subject.remake()
    for _ in range(2):
        engine.configure()
        with suppress(EngineFailed, Invalid):
            engine.start(10)
    return engine


def orders(engine: Any) -> None:
    engine.update_overrides(DEADLY, (), False)
    with pytest.raises(Invalid, match="did not start with buffer_size as set, so"):
        restart(engine)


def test_whenever_the_agent_dies_the_server_serves_in_its_next_life(
        subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    for acts in count():
        subject.engine = subject.remake()
        subject.engine.update_overrides(GOOD, (), False)
        restart(subject.engine)
        with monkeypatch.context() as patch:
            dies_after(subject.host, acts, patch)
            try:
                orders(subject.engine)
                break
            except Died:
                pass
        if subject.host.database().process:
            subject.host.stop_database(10)
        engine = next_life(subject)
        assert engine.health().status is ServiceStatus.HEALTHY, acts
        assert engine.get_settings(("buffer_size",)) == GOOD, acts
        assert engine.kept.wanted == GOOD
        assert engine.waiting() == ()
    assert acts > 6


def test_a_server_that_dies_with_new_settings_is_brought_back_by_the_loop_and_it_says_why(subject: Subject) -> None:
    engine = subject.remake()
    with ordering.agent(subject.host.home, engine, subject.host) as made:
        made.journal.want(Wanted(prepared_by="op", up=True))
        engine.update_overrides(DEADLY, (), False)
        loop = Loop(engine, subject.host, made.journal, made.operations, Backoff(0.0, 0.0), 30, 0.0, lambda: None)
        subject.host.signal(signal.SIGKILL)
        loop.turn()
        with made.changed:
            assert made.changed.wait_for(lambda: made.operations.current is None and engine.kept.fault, 20)
        loop.turn()
    assert loop.seen is not None and loop.seen.status is ServiceStatus.RUNNING
    assert "did not start with buffer_size as set" in loop.seen.sentence
    assert [drift.repaired for drift in loop.seen.drift] == [False]
    assert loop.seen.waiting == ()
    assert engine.get_settings(("buffer_size",)) == GOOD


def test_what_the_agent_did_not_see_start_is_good_when_it_serves(subject: Subject) -> None:
    engine = subject.engine
    engine.update_overrides({"buffer_size": "1"}, (), False)
    engine.stop(10)
    subject.host.start_database()
    engine = subject.remake()
    assert engine.waiting() == ("buffer_size",)
    engine.world.settings = module.msgspec.json.decode(b'{"max_connections": "100", "buffer_size": "1", "motd": ""}')
    assert engine.tend(True) == ()
    assert engine.waiting() == ()
    assert subject.remake().waiting() == ()


def test_a_server_of_an_agent_that_kept_nothing_has_no_settings(subject: Subject) -> None:
    Path(subject.engine.context.config_dir, "overrides.json").unlink()
    engine = subject.remake()
    engine.update_overrides(DEADLY, (), False)
    assert engine.waiting() == ("buffer_size",)
    with pytest.raises(Invalid, match="in force again"):
        restart(engine)
    assert engine.waiting() == ()


def test_a_server_that_is_slow_with_settings_that_it_had_is_left_to_recover(
        subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with those that it took while it ran."""
    engine, allowed, stops = subject.engine, list[float](), list[float]()
    engine.update_overrides({**GOOD, "max_connections": "7"}, ("max_connections",), False)

    def late(timeout: float) -> None:
        allowed.append(timeout)
        raise DeadlinePassed("It recovers.")

    monkeypatch.setattr(subject.host, "stop_database", stops.append)
    with pytest.raises(DeadlinePassed):
        engine.start_with_settings(late, 40.0)
    assert (allowed, stops, engine.kept.fault) == ([40.0], [], "")


def test_settings_before_are_in_force_although_the_server_takes_long_with_them_too(
        subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, tried, stops = subject.engine, list[object](), list[float]()
    engine.update_overrides({"buffer_size": "1"}, (), False)

    def late(timeout: float) -> None:
        tried.append((engine.kept.wanted, round(timeout)))
        raise DeadlinePassed("It takes long.")

    monkeypatch.setattr(subject.host, "stop_database", stops.append)
    with pytest.raises(DeadlinePassed):
        engine.start_with_settings(late, 40.0)
    assert (tried, stops) == ([({"buffer_size": "1"}, 20), (GOOD, 40)], [4.0])
    assert "did not start with buffer_size as set" in engine.kept.fault and engine.kept.wanted == GOOD


def test_settings_stay_when_the_server_does_not_start_without_them_either(
        subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = subject.engine
    engine.update_overrides({"buffer_size": "1"}, (), False)
    engine.stop(10)

    def broken() -> None:
        raise EngineFailed("The disk is gone.")

    with monkeypatch.context() as patch:
        patch.setattr(subject.host, "start_database", broken)
        with pytest.raises(EngineFailed, match="disk is gone"):
            engine.start(10)
    assert engine.tend(False) == ()
    engine.start(10)
    assert engine.get_settings(("buffer_size",)) == {"buffer_size": "1"}


def test_what_was_live_goes_back_although_nobody_names_it_any_more(subject: Subject) -> None:
    """The control plane may have lost what it gave."""
    engine = subject.engine
    before = engine.get_settings(("max_connections",))
    engine.update_overrides({"max_connections": "7"}, ("max_connections",), False)
    assert engine.get_settings(("max_connections",)) == {"max_connections": "7"}
    engine.update_overrides({}, (), False)
    assert engine.get_settings(("max_connections",)) == before


def test_the_first_start_is_not_rolled_back() -> None:
    with fake.subject() as made:
        made.engine.initialise(asking.prepare(overrides=DEADLY))
        with pytest.raises(EngineFailed, match="without a buffer"):
            made.engine.start(10)
        assert made.host.database().process is None


def test_what_cannot_be_written_changes_nothing(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = subject.engine

    def full(path: Path, text: str) -> bool:
        raise OSError(28, os.strerror(28), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(subject.host, "write_for_engine", full)
        with pytest.raises(OSError, match="space"):
            engine.update_overrides({"max_connections": "5"}, ("max_connections",), False)
    assert engine.get_settings(("max_connections",)) == {"max_connections": "100"}
    assert engine.kept.wanted == GOOD


def test_while_the_server_is_down_what_is_wanted_waits_for_its_start(subject: Subject) -> None:
    engine = subject.engine
    engine.stop(10)
    engine.update_overrides({"max_connections": "5"}, ("max_connections",), False)
    engine.configure()
    engine.start(10)
    assert engine.get_settings(("max_connections", "buffer_size")) == {
        "max_connections": "5", "buffer_size": "16777216"}
    assert engine.waiting() == ()


def test_what_does_not_let_itself_be_repaired_is_not_called_repaired(
        subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = subject.engine
    engine.update_overrides({"max_connections": "5"}, ("max_connections",), True)
    engine.change({"max_connections": "6"})
    monkeypatch.setattr(engine, "change", lambda values: None)
    [found] = engine.tend(True)
    assert not found.repaired
    assert found.sentence == "The server has max_connections = '6', while its configuration has '5'."


@pytest.mark.parametrize(("wanted", "told"), [("0", 0), ("-1", 0), ("5", 1)])
def test_what_is_left_to_the_server_is_as_it_wants_it(subject: Subject, wanted: str, told: int) -> None:
    engine = subject.engine
    engine.update_overrides({"max_connections": wanted}, (), False)
    restart(engine)
    engine.change({"max_connections": "151"})
    assert len(engine.tend(True)) == told


def test_a_name_that_is_dropped_is_held_against_the_rules_as_well(subject: Subject) -> None:
    with pytest.raises(Invalid, match="datadir"):
        subject.engine.update_overrides({}, ("datadir",), False)


@pytest.mark.parametrize(("server", "wanted", "same"), [
    ("10", "10.000000", True), ("3.1536e+07", "31536000", True), ("ON", "on", True), ("ON", "1", False),
    ("5", "6", False), ("", "", True), ("0.5", "0,5", False)])
def test_numbers_are_compared_as_numbers(server: str, wanted: str, same: bool) -> None:
    assert module._same(server, wanted) is same


class Bounded(module.Overrides):
    """A server in which ``rate`` is never above ``rate_max``."""

    def __init__(self, subject: Subject) -> None:
        self.context = subject.engine.context
        self.has = {"rate": "10", "rate_max": "20"}
        super().__init__(subject.host.home / "bounded.json")

    def owned(self, name: str) -> str:
        return ""

    def write_configuration(self) -> tuple[str, ...]:
        return ()

    def settings(self, names: tuple[str, ...]) -> dict[str, str]:
        return {name: self.has[name] for name in names}

    def change(self, values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            self.has[name] = value or {"rate": "10", "rate_max": "20"}[name]
            self.has["rate"] = str(min(int(self.has["rate"]), int(self.has["rate_max"])))


def test_settings_that_bound_one_another_are_brought_in_together(subject: Subject) -> None:
    bounded = Bounded(subject)
    for rate, most in (("30", "40"), ("5", "5"), ("400", "500")):
        bounded.update_overrides({"rate": rate, "rate_max": most}, ("rate", "rate_max"), False)
        assert bounded.has == {"rate": rate, "rate_max": most}
    with pytest.raises(EngineFailed, match=r"did not take every setting: rate is '30' and not '40'"):
        bounded.update_overrides({"rate": "40", "rate_max": "30"}, ("rate", "rate_max"), False)
    assert bounded.has == {"rate": "400", "rate_max": "500"}
