from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trove import postgresql
from tests.trove.world import make_store
from trove.db.commands import Commands
from trove.db.store import Store
from trove.domain.creation import Rules


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every test of the store runs on both kinds."""
    url = ""
    if request.param == "postgresql":
        url = postgresql.new_database(request.getfixturevalue("postgresql_server"))
    made = make_store(tmp_path, url)
    yield made
    made.close()


@pytest.fixture
def commands(store: Store) -> Commands:
    return Commands(store, Rules(default_datastore="fake", max_instances=5, max_volumes=10, max_ram=4096))
