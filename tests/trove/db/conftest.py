from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trove.world import make_store
from trove.db.commands import Commands
from trove.db.store import Store
from trove.domain.creation import Rules


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = make_store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def commands(store: Store) -> Commands:
    return Commands(store, Rules(default_datastore="fake", max_instances=5, max_volumes=10, max_ram=4096))
