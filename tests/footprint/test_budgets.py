"""The agent stays within the budgets of the design (docs/architecture.md, "Budgets"), with each engine.

Memory, modules and sizes repeat, so they can fail a test. Seconds do not; ``bin/footprint`` shows them.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from tests import ground
from tests.footprint import delivery, measure, page
from tests.hosts import kinds
from tests.installation import Installation, installation

RUNS = 2
"""Lives of an agent: what is compared here differs by a tenth of a MB between them."""


@pytest.fixture(scope="module")
def installed() -> Iterator[Installation]:
    with ground.directory() as directory, installation(directory / "state") as made:
        yield made


@pytest.mark.server
@pytest.mark.parametrize("engine", measure.ENGINES)
def test_the_agent_keeps_within_its_budgets(installed: Installation, engine: str) -> None:
    found = asdict(measure.footprint(installed, engine, RUNS))
    over = page.over(engine, found)
    over.pop("exec_to_serving_s", None)
    assert over == {}, found
    assert found["anon_mb"] > 3 and found["modules"] > 50, "measured nothing"


@pytest.mark.server
@pytest.mark.skipif(bool(kinds.missing()), reason=kinds.missing())
def test_a_delivery_is_small_and_a_line_moves_kilobytes() -> None:
    found = delivery.measure()
    assert found.one_file_mb < found.release_mb <= page.BUDGET["mariadb"]["installed_mb"], found
    assert found.line_update_files == 2, "the module and the manifest"
    assert found.line_update_bytes < 50_000 < found.first_delivery_bytes, found


@pytest.mark.parametrize("engine", page.BUDGET)
def test_a_release_for_one_engine_is_short(engine: str) -> None:
    assert 3000 < measure.own_lines(engine) <= page.BUDGET[engine]["own_lines"]


def test_modules_of_another_engine_are_told_from_its_own() -> None:
    own = {"troveguest.datastores.redis.resp", "common.datastores.redis", "common.datastores.manifest", "json"}
    foreign = {"trove", "trove.db", "common.datastores.mariadb", "troveguest.datastores.fake.engine"}
    assert {name for name in own | foreign if measure.is_foreign(name, "redis")} == foreign


def test_the_page_has_every_engine() -> None:
    assert re.findall(r"^## (\w+)$", page.PAGE.read_text(), re.MULTILINE) == list(measure.ENGINES)
