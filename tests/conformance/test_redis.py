"""A real Redis server has every behaviour of the kit."""

from collections.abc import Iterator

import pytest

from common.datastores.redis import MANIFEST
from tests.conformance import redis
from troveguest import conformance as kit
from troveguest.conformance.subject import Subject

pytestmark = pytest.mark.server


@pytest.fixture
def untouched() -> Iterator[Subject]:
    yield from redis.subjects()


@pytest.fixture(scope="module")
def running() -> Iterator[Subject]:
    yield from redis.running()


@pytest.fixture
def serving(running: Subject) -> Iterator[Subject]:
    yield running
    kit.asking.empty(running)


@pytest.mark.parametrize("behaviour", kit.LIFE, ids=kit.identify)
def test_life(behaviour: kit.Behaviour, untouched: Subject) -> None:
    behaviour(untouched)


@pytest.mark.parametrize("behaviour", kit.serving(MANIFEST), ids=kit.identify)
def test_serving(behaviour: kit.Behaviour, serving: Subject) -> None:
    behaviour(serving)
