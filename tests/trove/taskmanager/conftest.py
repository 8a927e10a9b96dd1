from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trove.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """With its task manager running."""
    made = World(tmp_path)
    made.manager.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for a whole file: the flow engine takes a second to stop."""
    made = World(tmp_path_factory.mktemp("world"))
    made.manager.start()
    yield made
    made.close()
