"""A real MySQL server has every behaviour of the kit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.datastores.mysql import MANIFEST
from tests import unpacked
from tests.conformance import mysql
from troveguest import conformance as kit
from troveguest.conformance.subject import Subject

pytestmark = [pytest.mark.server, pytest.mark.long]


@pytest.fixture(scope="module")
def binaries() -> Path:
    return unpacked.mysql()


@pytest.fixture
def untouched(binaries: Path) -> Iterator[Subject]:
    yield from mysql.subjects(binaries)


@pytest.fixture(scope="module")
def running(binaries: Path) -> Iterator[Subject]:
    yield from mysql.running(binaries)


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
