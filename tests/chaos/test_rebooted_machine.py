"""The machine goes down under everything at once, and comes back with nothing running and nothing mounted."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import leftovers
from tests.awaiting import until
from tests.installation import Installation, address, sql

pytestmark = pytest.mark.server


def all_of(state: Path) -> Iterator[int]:
    """Everything that runs for the installation: control plane, broker, supervisors, agents, servers."""
    for line in leftovers.processes(str(state)):
        yield int(line.split()[0])


def pull_the_plug(state: Path) -> None:
    """Supervisors first would only be one order of many: they all go, again and again until none is left."""
    def none_is_left() -> bool:
        left = [pid for pid in all_of(state) if pid != os.getpid()]
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it went by itself
        return not left

    until(none_is_left, 30, "nothing of the installation runs")
    for line in leftovers.mounts(str(state)):
        subprocess.run(["umount", line.split()[4]], check=True)


def test_everything_comes_back_after_a_reboot(battered: Installation) -> None:
    instance = battered.create("rebooted")
    before = battered.healthy(instance)
    sql(before, "anna", "secret-anna", "CREATE TABLE kept (id INT); INSERT INTO kept VALUES (1)", "shop")
    half_made = battered.create("half made")
    pull_the_plug(battered.state)
    assert leftovers.listeners(address(before)) == []
    battered.up()
    after = battered.healthy(instance)
    assert address(after) == address(before)
    until(lambda: leftovers.listeners(address(after)), 60, "the server listens again")
    assert sql(after, "anna", "secret-anna", "SELECT id FROM kept", "shop") == ["1"]
    battered.healthy(half_made)
    for each in (instance, half_made):
        battered.delete(each)
        battered.gone(each)


def test_an_orderly_stop_in_the_middle_of_a_creation_loses_nothing(battered: Installation) -> None:
    instance = battered.create("in the middle")
    battered.down()
    battered.up()
    shown = battered.healthy(instance)
    assert sql(shown, "anna", "secret-anna", "SELECT DATABASE()", "shop") == ["shop"]
    battered.delete(instance)
    battered.gone(instance)
