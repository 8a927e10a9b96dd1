"""Ground to place on, as root and as an ordinary user."""

import os
from collections.abc import Iterator

import pytest

from tests.troveguest.ground import NOBODY, Ground
from tests.troveguest.ground import ground as new_ground


@pytest.fixture(scope="module")
def as_root() -> Iterator[Ground]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to make users, mounts and control groups")
    with new_ground() as made:
        yield made


@pytest.fixture(scope="module")
def as_ordinary() -> Iterator[Ground]:
    with new_ground(NOBODY if os.geteuid() == 0 else None) as made:
        yield made


@pytest.fixture(params=["as_root", "as_ordinary"])
def ground(request: pytest.FixtureRequest) -> Ground:
    found: Ground = request.getfixturevalue(request.param)
    return found
