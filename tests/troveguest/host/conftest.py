"""One instance whose database is whatever a test makes of it, placed as root and as an ordinary user."""

import os
from collections.abc import Iterator

import pytest

from common.contract.placement import Placement
from tests.troveguest.ground import NOBODY, Ground
from tests.troveguest.ground import ground as new_ground
from troveguest.host.runit import RunitHost


@pytest.fixture(scope="module", params=["root", "ordinary"])
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("needs root, to place an instance with users of its own")
    with new_ground(NOBODY if request.param == "ordinary" and os.geteuid() == 0 else None) as made:
        yield made


@pytest.fixture(scope="module")
def placement(ground: Ground) -> Placement:
    placement = ground.placement()
    ground.place(placement)
    return placement


@pytest.fixture
def host(ground: Ground, placement: Placement) -> Iterator[RunitHost]:
    host = RunitHost(ground.layout(placement).home)
    yield host
    host.stop_database(0.5)
