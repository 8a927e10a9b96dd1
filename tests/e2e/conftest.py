"""One installation for the tests that only use it; tests that break one make their own."""

from collections.abc import Iterator

import pytest

from tests import ground
from tests.installation import Installation, installation


@pytest.fixture(scope="session")
def installed() -> Iterator[Installation]:
    with ground.directory() as directory, installation(directory / "state") as made:
        yield made
