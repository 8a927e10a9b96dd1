"""The engine in memory as a subject, and its client."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.datastores import fake as manifest
from common.errors import Refused

from ..datastores import load
from ..datastores.fake import FakeEngine
from .host import DirectHost
from .subject import Subject, engine_context


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


@contextmanager
def subject() -> Iterator[Subject]:
    """One that nothing was done to."""
    with engine_context(manifest.MANIFEST.default_port, "agent", manifest.MANIFEST.versions[0]) as context:
        engine = load(manifest.MANIFEST.name, context)
        assert isinstance(engine, FakeEngine) and isinstance(context.host, DirectHost)
        yield Subject(engine, FakeClient(engine), context.host, manifest.MANIFEST,
                      lambda: load(manifest.MANIFEST.name, context))
