"""The engine in memory has every behaviour of the kit."""

from collections.abc import Callable, Iterator

import pytest

from common.datastores import fake as manifest
from common.errors import Refused
from tests.conformance import kit
from tests.conformance.subject import Subject, engine_context
from troveguest.datastores import load
from troveguest.datastores.fake import FakeEngine


class FakeClient:
    """Sessions do not exist here, so a session is over when its login or its right is."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine

    def can_log_in(self, name: str, password: str) -> bool:
        try:
            self._engine.log_in(name, password)
        except Refused:
            return False
        return True

    def can_use(self, name: str, password: str, database: str) -> bool:
        return database in self._engine.log_in(name, password)

    def sees(self, name: str, password: str) -> set[str]:
        return set(self._engine.log_in(name, password))

    def stays_logged_in(self, name: str, password: str, database: str, meanwhile: Callable[[], None]) -> bool:
        assert self.can_use(name, password, database)
        meanwhile()
        return self.can_log_in(name, password) and self.can_use(name, password, database)


@pytest.fixture
def untouched() -> Iterator[Subject]:
    with engine_context(3306, "agent", "1.0") as context:
        engine = load("fake", context)
        assert isinstance(engine, FakeEngine)
        yield Subject(engine, FakeClient(engine), context.host, manifest.MANIFEST, lambda: load("fake", context))


@pytest.fixture
def serving(untouched: Subject) -> Subject:
    untouched.engine.initialise(kit.asking.prepare())
    untouched.engine.start(10)
    return untouched


@pytest.mark.parametrize("behaviour", kit.LIFE, ids=kit.identify)
def test_life(behaviour: kit.Behaviour, untouched: Subject) -> None:
    behaviour(untouched)


@pytest.mark.parametrize("behaviour", kit.serving(manifest.MANIFEST), ids=kit.identify)
def test_serving(behaviour: kit.Behaviour, serving: Subject) -> None:
    behaviour(serving)
