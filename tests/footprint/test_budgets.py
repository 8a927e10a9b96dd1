"""The agent stays within the budgets of the design (docs/architecture.md, "Budgets"): MariaDB, TLS, median of five.

Memory, modules and sizes repeat, so they can fail a test. Seconds do not; ``bin/footprint`` shows them.
"""

from dataclasses import asdict

import pytest

from tests import ground
from tests.footprint import delivery
from tests.footprint.measure import BUDGET, footprint
from tests.hosts import kinds
from tests.installation import installation

pytestmark = pytest.mark.server


def test_the_agent_keeps_within_its_budgets() -> None:
    with ground.directory() as directory, installation(directory / "state") as installed:
        found = asdict(footprint(installed))
    over = {name: (found[name], most) for name, most in BUDGET.items()
            if name in found and found[name] > most and name != "exec_to_serving_s"}
    assert over == {}, found
    assert found["anon_mb"] > 3 and found["modules"] > 50, "measured nothing"


@pytest.mark.skipif(bool(kinds.missing()), reason=kinds.missing())
def test_a_delivery_is_small_and_a_line_moves_kilobytes() -> None:
    found = delivery.measure()
    assert found.own_lines <= BUDGET["own_lines"]
    assert found.one_file_mb < found.release_mb <= BUDGET["installed_mb"], found
    assert found.line_update_files == 2, "the module and the manifest"
    assert found.line_update_bytes < 50_000 < found.first_delivery_bytes, found
