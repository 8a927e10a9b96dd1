"""Releases in the state directory go when nobody needs them any more."""

import os
import time
from pathlib import Path

import pytest

from tests.trove.world import World
from trove.db import instances
from trove.releases import pruning
from trove.standalone.releases import ReleaseKeeper

LONG_AGO = time.time() - 2 * pruning.YOUNG


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def put(root: Path, letter: str, at: float) -> str:
    release = root / "releases" / (letter * 64)
    release.mkdir(parents=True)
    (release / "file").write_text("of a release")
    os.utime(release, (at, at))
    return release.name


def test_what_is_pinned_linked_present_young_or_among_the_newest_stays(world: World, tmp_path: Path) -> None:
    pinned, linked, present, old = (put(tmp_path, letter, LONG_AGO + age) for age, letter in enumerate("abcd"))
    newest = [put(tmp_path, letter, LONG_AGO + 100 + age) for age, letter in enumerate("ef")]
    links = tmp_path / "instances" / "12345678-1234-1234-1234-123456789abc" / "links"
    links.mkdir(parents=True)
    (links / "previous").symlink_to(tmp_path / "releases" / linked)
    instance = world.create().instance_id
    with world.store.write() as connection:
        instances.pin(connection, instance, pinned)
    keeper = ReleaseKeeper(world.store, tmp_path, present)
    assert keeper.prune() == [old]
    assert {path.name for path in (tmp_path / "releases").iterdir()} == {pinned, linked, present, *newest}
    young = put(tmp_path, "0", time.time())
    assert keeper.prune() == [newest[0]] and (tmp_path / "releases" / young).exists()
    world.store.close()


def test_an_installation_without_releases_has_nothing_to_lose(world: World, tmp_path: Path) -> None:
    assert ReleaseKeeper(world.store, tmp_path, "0" * 64).prune() == []
    world.store.close()
