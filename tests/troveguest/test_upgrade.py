"""The order to upgrade, in the life that takes it and in the next one: what is checked, kept, and told."""

import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.contract.types import OperationState
from common.releases import total
from tests.awaiting import until
from tests.troveguest.disk_engine import DiskEngine
from troveguest.conformance.ordering import Agent, agent, request
from troveguest.handlers.upgrade import Upgrade
from troveguest.host import starter
from troveguest.host.layout import Layout

OLD = "0" * 64


class World:
    """An instance's home whose agent runs from the release OLD, and a newer release beside it."""

    def __init__(self, tmp_path: Path) -> None:
        self.layout = Layout(tmp_path / "home")
        self.links = self.layout.links
        for path in (self.links, self.layout.services, self.layout.state, self.layout.agent_log.parent,
                     tmp_path / "server"):
            path.mkdir(parents=True)
        self.layout.starter.write_text("")
        self.links.joinpath("current").symlink_to(tmp_path / "releases" / OLD)
        self._tmp = tmp_path
        self.handed_over = 0
        self.new = self.release()

    def release(self, contract: str = "1.2") -> Path:
        """Its directory bears its hash."""
        text = f"agent of {contract}"
        files = {"bin/trove-guestagent": hashlib.sha256(text.encode()).hexdigest()}
        made = self._tmp / "releases" / total(files)
        (made / "bin").mkdir(parents=True)
        (made / "bin" / "trove-guestagent").write_text(text)
        (made / "manifest.json").write_text(json.dumps({
            "version": "1", "contract": contract, "engine": "all", "python": "3.11", "arch": "x86_64", "licences": [],
            "files": files, "total": made.name}))
        return made

    @contextmanager
    def life(self, own: str = OLD) -> Iterator[tuple[Agent, Upgrade]]:
        def hand_over() -> None:
            self.handed_over += 1

        upgrade = Upgrade(self.layout, own, hand_over)
        with agent(self.layout.state, DiskEngine(self._tmp / "server"), handlers=upgrade.handlers()) as made:
            yield made, upgrade

    def hand_over(self) -> None:
        with self.life() as (made, _):
            made.operations.accept(request("upgrade", release=str(self.new), total=self.new.name))
            until(lambda: self.handed_over, 10, "the agent hands over", every=0.01)

    def start(self) -> str:
        """What ``starter.py`` does with the links; the link that it starts from."""
        moves, start = starter.decide([link.name for link in self.links.iterdir()])
        for old, new in moves:
            (self.links / old).rename(self.links / new)
        return start

    def shown(self) -> dict[str, str]:
        return {link.name: link.readlink().name for link in self.links.iterdir()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_release_that_runs_is_done_at_once(world: World) -> None:
    with world.life(own=world.new.name) as (made, upgrade):
        upgrade.note_reported()
        ticket = made.order("upgrade", release="/nonexistent", total=world.new.name)
    assert ticket.state is OperationState.DONE and world.handed_over == 0


def test_a_release_that_reports_stays_and_ends_the_order(world: World) -> None:
    world.hand_over()
    assert world.shown() == {"current": OLD, "next": world.new.name}
    assert world.start() == "trial"
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 60)
    with world.life(own=world.new.name) as (made, upgrade):
        assert made.journal.ticket("op-1").state is OperationState.RUNNING
        assert world.shown() == {"current": OLD, "trial": world.new.name}
        upgrade.note_reported()
        assert made.ended("op-1").state is OperationState.DONE
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0), "the timer is off"
    assert world.shown() == {"current": world.new.name, "previous": OLD}
    assert world.start() == "current"


def test_one_that_did_not_last_is_told_with_its_last_words(world: World) -> None:
    world.hand_over()
    world.start()
    assert world.start() == "current" and world.shown() == {"current": OLD, "failed": world.new.name}
    world.layout.agent_log.write_text(
        f"Traceback\nImportError: no gadget\n/releases/x {starter.DID_NOT_LAST}\nThe agent serves.\n")
    with world.life() as (made, upgrade):
        upgrade.note_reported()
        failure = made.ended("op-1").failure
    assert failure is not None and failure.code == "host_failed" and world.handed_over == 1
    assert "ended after 0 s" in failure.message and "ImportError: no gadget" in failure.message


def test_one_that_was_too_late_is_told_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter, "PATIENCE", 0.0)
    world.hand_over()
    world.start()
    world.start()
    with world.life() as (made, _):
        failure = made.ended("op-1").failure
    assert failure is not None and "did not report within" in failure.message


def test_a_death_before_the_new_release_started_changes_nothing(world: World) -> None:
    world.hand_over()
    (world.links / "next").unlink()
    with world.life() as (_, _upgrade):
        until(lambda: world.handed_over == 2, 10, "it hands over again", every=0.01)
    assert world.shown() == {"current": OLD, "next": world.new.name}


def test_what_failed_for_an_earlier_order_is_tried_again_for_a_new_one(world: World) -> None:
    world.hand_over()
    world.start()
    world.start()
    long_ago = time.time() - 100
    os.utime(world.links / "failed", (long_ago, long_ago), follow_symlinks=False)
    with world.life() as (_, _upgrade):
        until(lambda: world.handed_over == 2, 10, "it is tried again", every=0.01)


@pytest.mark.parametrize(("harm", "code", "words"), [
    (lambda world: (world.new / "bin" / "trove-guestagent").write_text("evil"), "invalid", "is damaged"),
    (lambda world: (world.new / "bin" / "more").write_text("evil"), "invalid", "is damaged"),
    (lambda world: setattr(world, "new", world.release("1.1")), "unsupported", "cannot take over"),
    (lambda world: world.layout.starter.unlink(), "unsupported", "not started in a way"),
])
def test_what_is_not_as_it_was_ordered_is_never_begun(world: World, harm, code: str, words: str) -> None:
    harm(world)
    with world.life() as (made, _):
        failure = made.order("upgrade", release=str(world.new), total=world.new.name).failure
    assert failure is not None and failure.code == code and words in failure.message
    assert world.handed_over == 0 and world.shown() == {"current": OLD}


def test_another_hash_than_the_ordered_one_is_refused(world: World) -> None:
    with world.life() as (made, _):
        failure = made.order("upgrade", release=str(world.new), total="f" * 64).failure
    assert failure is not None and failure.code == "invalid" and "was ordered" in failure.message
    assert world.shown() == {"current": OLD}


def test_nothing_else_begins_once_it_hands_over(world: World) -> None:
    with world.life() as (made, _):
        made.operations.accept(request("upgrade", release=str(world.new), total=world.new.name))
        made.operations.accept(request("upgrade", "op-2", release="/nonexistent", total="f" * 64))
        until(lambda: world.handed_over, 10, "the agent hands over", every=0.01)
        assert made.operations.stop(10)
        assert {order.operation_id for order in made.journal.unfinished()} == {"op-1", "op-2"}
