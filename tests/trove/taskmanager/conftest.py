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
