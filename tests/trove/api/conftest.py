from collections.abc import Iterator

import pytest

from tests.trove.api.world import World, make_store, make_world
from trove.db.store import Store


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = make_store(tmp_path_factory.mktemp("store"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def standing(store: Store) -> World:
    """Putting an application together takes as long as a dozen requests."""
    return make_world(store)


@pytest.fixture
def world(standing: World) -> World:
    """In a project of a test's own, so that tests share the application and do not meet."""
    return standing.anew()
