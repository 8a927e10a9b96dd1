from collections.abc import Iterator

import pytest

from tests.trove.api.world import World, make_store, make_world
from trove.db.store import Store


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = make_store(tmp_path_factory.mktemp("store"))
    yield made
    made.close()


@pytest.fixture
def world(store: Store) -> World:
    return make_world(store)
