"""Thousands of requests made from the API's own description: no defect, no answer that is not described.

``TROVE_API_SEED`` repeats a run's requests or makes others.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trove.api.world import World, make_store, make_world
from trove.api import server

SEED = int(os.environ.get("TROVE_API_SEED", "20260801"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """With a store of its own: what the requests make of datastores and hosts is nobody else's."""
    store = make_store(tmp_path)
    yield make_world(store)
    store.close()


@pytest.mark.parametrize("cases", [
    pytest.param(300, marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
])
def test_every_answer_is_described(world: World, cases: int) -> None:
    from tests.trove.api import fuzzing  # takes seconds to import

    print(f"TROVE_API_SEED={SEED}")
    made = server.Server(world.client.app, "127.0.0.1", 0)
    made.start()
    try:
        ground = fuzzing.Ground(world)
        ground.prepare()
        tally = fuzzing.run(f"http://127.0.0.1:{made.port}", ground, cases, SEED)
    finally:
        made.stop()
    print(f"{tally.total} requests: {dict(sorted(tally.statuses.items()))}")
    assert tally.total >= cases
    assert len(tally.succeeded) > 25, "Too few requests find what they name."
