"""Every test here kills something, so these share an installation that only they use."""

from collections.abc import Iterator

import pytest

from tests import ground
from tests.installation import Installation, installation


@pytest.fixture(scope="session")
def battered() -> Iterator[Installation]:
    with ground.directory() as directory, installation(directory / "state") as made:
        yield made
