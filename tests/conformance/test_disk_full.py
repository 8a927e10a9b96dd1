"""A volume without room, in earnest: a small file system of its own below the data directory."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.contract import types as t
from common.contract.types import ServiceStatus
from common.errors import NoSpace
from tests.conformance import mariadb, redis
from troveguest.conformance import asking
from troveguest.conformance.host import UNPRIVILEGED
from troveguest.conformance.subject import Subject

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")]


@pytest.fixture
def subject() -> Iterator[Subject]:
    yield from mariadb.subjects()


@pytest.fixture
def volume(subject: Subject) -> Iterator[Path]:
    with small_volume(subject) as directory:
        yield directory


@pytest.fixture
def cache() -> Iterator[Subject]:
    yield from redis.subjects()


@pytest.fixture
def cache_volume(cache: Subject) -> Iterator[Path]:
    with small_volume(cache) as directory:
        yield directory


@contextmanager
def small_volume(subject: Subject) -> Iterator[Path]:
    directory: Path = subject.engine.context.data_dir
    subject.host.home = directory
    options = f"size=24m,uid={UNPRIVILEGED},gid={UNPRIVILEGED},mode=750"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "trove-test", directory], check=True)
    try:
        yield directory
    finally:
        subject.engine.close()
        subject.host.close()
        subprocess.run(["umount", directory], check=True)


def test_initialising_names_the_full_volume_and_works_on_a_larger_one(subject: Subject, volume: Path) -> None:
    with pytest.raises(NoSpace, match="full") as caught:
        subject.engine.initialise(asking.prepare())
    assert "larger" in caught.value.hint
    assert not subject.engine.is_initialised()
    grow(volume)
    subject.engine.initialise(asking.prepare())
    subject.engine.start(60)
    assert subject.engine.health().status is ServiceStatus.HEALTHY


def test_orders_name_the_full_volume_and_work_again_when_there_is_room(subject: Subject, volume: Path) -> None:
    grow(volume)
    subject.engine.initialise(asking.prepare())
    subject.engine.start(60)
    ballast = volume / "ballast"
    fill(subject, ballast)
    for order in (
        lambda: asking.make_databases(subject, "a"),
        lambda: asking.make_user(subject, "bob"),
        lambda: subject.engine.enable_root(None),
    ):
        with pytest.raises(NoSpace, match="full"):
            order()
    assert asking.databases(subject) == asking.accounts(subject) == []
    assert subject.engine.health().status is ServiceStatus.HEALTHY
    ballast.unlink()
    asking.make_databases(subject, "a")
    asking.make_user(subject, "bob", "a")
    assert asking.granted(subject, "bob") == ("a",)


def test_a_server_that_waits_for_room_is_not_waited_for(
        subject: Subject, volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server does not say that its disk is full: it waits for a minute and tries again."""
    monkeypatch.setattr("troveguest.datastores.mysqlfamily.sql.STATEMENT_TIMEOUT", 2.0)
    grow(volume)
    subject.engine.initialise(asking.prepare())
    subject.engine.start(60)
    asking.make_user(subject, "bob")
    fill(subject, volume / "ballast")
    with pytest.raises(NoSpace, match="full"):
        for _ in range(5000):
            with subject.engine.sql.session() as session:
                session.execute("CREATE OR REPLACE USER 'eve'@'%'")
    assert subject.engine.health().status is ServiceStatus.HEALTHY


def test_redis_takes_no_writes_and_says_so_until_there_is_room(cache: Subject, cache_volume: Path) -> None:
    cache.engine.initialise(asking.prepare())
    cache.engine.start(60)
    asking.make_user(cache, "anna")
    ballast = cache_volume / "ballast"
    fill(cache, ballast)
    for order in (
        lambda: asking.make_user(cache, "bob"), lambda: cache.engine.enable_root(None),
        lambda: cache.engine.delete_user(t.UserRef(name="anna")),
    ):
        with pytest.raises(NoSpace, match="full"):
            order()
    assert asking.accounts(cache) == [("anna", "%")] and not cache.engine.is_root_enabled()
    said = ""
    while "MISCONF" not in said:  # once a page that was there already is full
        said = cache.client.run("anna", asking.PASSWORD, "SET", "a", "x" * 20000)
    health = cache.engine.health()
    assert health.status is ServiceStatus.RUNNING and "full" in health.sentence
    assert len(cache.client.run("anna", asking.PASSWORD, "GET", "a")) == 20000, "it goes on reading"
    cache.engine.stop(30)
    cache.engine.start(60)
    ballast.unlink()
    while cache.engine.health().status is not ServiceStatus.HEALTHY:
        pass
    assert cache.client.run("anna", asking.PASSWORD, "SET", "a", "1") == "OK"
    asking.make_user(cache, "bob")


def fill(subject: Subject, ballast: Path) -> None:
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, subject.host.stats().free)


def grow(volume: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=200m", volume], check=True)
