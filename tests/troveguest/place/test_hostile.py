"""What a tenant who runs programs as the engine's user can do to the root command: nothing beyond his own instance."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common.errors import Conflict
from tests import leftovers
from tests.awaiting import until
from tests.troveguest.ground import NOBODY, PYTHON, Ground
from troveguest.host import processes
from troveguest.host.runit import RunitHost
from troveguest.place import remains, services, users

pytestmark = pytest.mark.server

# Each process lives for a moment and leaves a child behind: a list of processes is out of date when it is read.
_FLEEING = """
import os
if os.fork():
    os._exit(0)
os.setsid()
while True:
    if os.fork():
        os._exit(0)
"""

_PAUSE = "print(flush=True); import signal; signal.pause()"
_LOCKING = f"import fcntl, os; fcntl.flock(os.open('/etc', os.O_RDONLY), fcntl.LOCK_EX); {_PAUSE}"

_DEEP = """
import os, sys
os.chdir(sys.argv[1])
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
"""


@contextmanager
def stranger(script: str, *words: str) -> Iterator[None]:
    """A Python program that calls itself runsvdir, of a user who has nothing to do with the instance, once it has
    printed a line."""
    process = subprocess.Popen(["runsvdir", "-c", script, *words], executable=PYTHON, user=NOBODY, group=NOBODY,
                               extra_groups=[], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


def test_a_tree_of_any_depth_can_be_removed(as_root: Ground) -> None:
    placement = as_root.placement()
    as_root.place(placement)
    host = RunitHost(Path(placement.home))
    assert host.run_job([PYTHON, "-IS", "-c", _DEEP, str(as_root.layout(placement).jobs)], 30).exit_code == 0
    as_root.unplace(placement.instance_id)
    assert as_root.left_of(placement.instance_id) == {}


def test_a_process_that_flees_is_caught_before_its_account_goes(as_root: Ground) -> None:
    placement = as_root.placement()
    as_root.place(placement)
    accounts = users.ids(placement.instance_id)
    host = RunitHost(Path(placement.home))
    host.set_command([PYTHON, "-IS", "-c", _FLEEING])
    host.start_database()
    until(lambda: host.database().process is None, 10, "the first one gone", 0.05)
    as_root.unplace(placement.instance_id)
    left = [pid for _ in range(20) for pid in processes.all_ids()
            if processes.owner(pid) in accounts and processes.identify(pid)]
    assert left == []


def test_what_a_server_left_elsewhere_opens_to_no_instance_that_comes_next(as_root: Ground) -> None:
    """The first is gone before the second is placed; its ids stay away all the same."""
    seen: set[int] = set()
    for _ in range(3):
        placement = as_root.placement()
        as_root.place(placement)
        mine = set(users.ids(placement.instance_id))
        as_root.unplace(placement.instance_id)
        assert len(mine) == 2 and not mine & seen
        seen |= mine


def test_the_accounts_file_cannot_be_held_by_others(as_root: Ground) -> None:
    placement = as_root.placement()
    with stranger(_LOCKING):
        as_root.place(placement)
        as_root.unplace(placement.instance_id)


def test_a_supervisor_of_somebody_else_is_none(as_root: Ground) -> None:
    placement = as_root.placement()
    layout = as_root.layout(placement)
    with stranger(_PAUSE, str(layout.services)):
        as_root.place(placement)
        found = services.supervisor(layout)
        assert found is not None and processes.owner(found.pid) == 0


def test_somebody_who_is_deeper_than_a_path_can_say_stands_in_nobodys_way(as_root: Ground, tmp_path: Path) -> None:
    """One tenant would keep all others of the machine from being deleted."""
    placement = as_root.placement()
    as_root.place(placement)
    deep = tmp_path / "deep"
    deep.mkdir()
    deep.chmod(0o777)
    for above in deep.parents[:3]:
        above.chmod(above.stat().st_mode | 0o011)
    try:
        with stranger(f"import os, signal; os.setsid()\n{_DEEP}\n{_PAUSE}", str(deep)):
            as_root.unplace(placement.instance_id)
            assert leftovers.accounts(placement.instance_id) == []
    finally:
        subprocess.run(["rm", "-rf", "--", deep], check=True)


def test_an_instance_with_a_like_id_is_let_alone(as_root: Ground) -> None:
    placement = as_root.placement()
    as_root.place(placement)
    running = remains.find(placement.instance_id, Path(placement.home))
    twin = as_root.placement(placement.instance_id[:-4] + "0000")
    with pytest.raises(Conflict):
        as_root.place(twin)
    as_root.unplace(twin.instance_id)
    assert all(processes.is_alive(process) for process in running)
    assert len(leftovers.accounts(placement.instance_id)) == 2
