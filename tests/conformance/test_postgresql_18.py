"""A PostgreSQL of another version than the machine's, from a directory of its own, has every behaviour, too."""

from collections.abc import Iterator

import pytest

from common.datastores.postgresql import MANIFEST
from tests import embedded
from tests.conformance import postgresql
from troveguest import conformance as kit
from troveguest.conformance.subject import Subject

pytestmark = pytest.mark.server

@pytest.fixture(scope="module")
def binaries() -> Iterator[str]:
    with embedded.postgresql() as top:
        yield str(top)


@pytest.fixture
def untouched(binaries: str) -> Iterator[Subject]:
    yield from postgresql.subjects(binaries, embedded.VERSION)


@pytest.fixture(scope="module")
def running(binaries: str) -> Iterator[Subject]:
    yield from postgresql.running(binaries, embedded.VERSION)


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
