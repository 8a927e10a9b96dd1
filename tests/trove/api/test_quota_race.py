"""Fifty people ask at once where ten may have something."""

import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.trove import postgresql, world
from tests.trove.api.world import World, make_world
from trove.db import quota
from trove.db.store import Store

LIMIT, ASKED = 10, 50


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = ""
    if request.param == "postgresql":
        url = postgresql.new_database(request.getfixturevalue("postgresql_server"))
    made = world.stores.open_seeded(tmp_path, {"mariadb": "10.11"}, url)
    yield made
    made.close()


def used(made: World) -> dict[str, int]:
    with made.store.read() as connection:
        return {row.resource: row.in_use
                for row in quota.of_project(connection, made.project, made.commands.rules.limits())}


def test_exactly_as_many_are_made_as_the_quota_allows(store: Store) -> None:
    made = make_world(store)
    made.commands.set_quotas(made.project, {"instances": LIMIT})

    def ask(_number: int) -> tuple[int, str]:
        answer = made.ask("POST", "/instances", {"instance": {
            "name": uuid.uuid4().hex, "flavorRef": "1", "volume": {"size": 2}}})
        return answer.status_code, answer.json.get("instance", {}).get("id", "")

    with ThreadPoolExecutor(ASKED) as people:
        answers = list(people.map(ask, range(ASKED)))
    assert Counter(status for status, _ in answers) == {200: LIMIT, 413: ASKED - LIMIT}
    assert used(made) == {"instances": LIMIT, "ram": LIMIT * 512, "volumes": LIMIT * 2, "backups": 0}
    ids = [instance_id for _, instance_id in answers if instance_id]
    assert len(made.ask("GET", "/instances").json["instances"]) == len(ids) == LIMIT

    def give_back(instance_id: str) -> None:
        for _ in range(2):
            with store.write() as connection:
                quota.release(connection, instance_id)

    with ThreadPoolExecutor(LIMIT) as people:
        list(people.map(give_back, ids))
    assert used(made) == {"instances": 0, "ram": 0, "volumes": 0, "backups": 0}
