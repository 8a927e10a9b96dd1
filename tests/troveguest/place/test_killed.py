"""A place, a grow or an unplace that is killed at any point is finished by asking again, or undone without a trace."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest

from common.contract import codec
from common.contract.placement import Placement, Unplacement
from tests import leftovers
from tests.troveguest.ground import PYTHON, Ground
from troveguest.host.layout import SERVICES, Layout
from troveguest.host.supervision import Supervised
from troveguest.place import services

pytestmark = [pytest.mark.server, pytest.mark.long]

POINTS = 8
LIVED_OR_DIED = (0, -9)
"""The number of calls depends a little on how long was waited: the last point may lie behind the end."""

# Counts the calls within the package, and dies at the one it is told to; 0 lives and says how many there were.
# Should it ever hang, it says where.
_MORTAL = """
import faulthandler, os, signal, sys
faulthandler.dump_traceback_later(50, exit=True)
sys.path.insert(0, sys.argv[1])
from troveguest import place
last, seen = int(sys.argv[3]), 0
def count(frame, event, argument):
    global seen
    file = frame.f_code.co_filename
    if event in ("call", "return") and ("/troveguest/place/" in file or file.endswith("/host/files.py")):
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.setprofile(count)
code = place.main(sys.argv[2:])
sys.setprofile(None)
print(seen, file=sys.stderr)
sys.exit(code)
"""


def mortal(ground: Ground, action: str, order: object, last: int) -> "subprocess.CompletedProcess[bytes]":
    words = [PYTHON, "-IS", "-c", _MORTAL, str(ground.release / "lib"), action, str(last)]
    ended = subprocess.run(ground.as_user(words), input=codec.encode(order), capture_output=True, timeout=60, cwd="/")
    print(ended.stderr.decode())
    return ended


def calls(ground: Ground, action: str, order: object) -> int:
    ended = mortal(ground, action, order, 0)
    assert ended.returncode == 0, ended.stderr
    return int(ended.stderr)


def unplacement(placement: Placement) -> Unplacement:
    return Unplacement(instance_id=placement.instance_id, home=placement.home)


@pytest.fixture
def measured(ground: Ground) -> tuple[int, int]:
    """How many calls a whole place and a whole unplace take."""
    placement = ground.placement()
    return calls(ground, "place", placement), calls(ground, "unplace", unplacement(placement))


def assert_whole(ground: Ground, placement: Placement) -> None:
    layout = Layout(Path(placement.home))
    assert services.supervisor(layout) is not None
    assert all(Supervised(layout.supervise(name)).is_supervised() for name in SERVICES)
    assert json.loads(layout.record.read_bytes())["instance_id"] == placement.instance_id
    assert layout.data.is_dir()


def test_the_killing_works(ground, measured) -> None:
    """At half of the calls at the latest, so the other tests do not pass for want of deaths."""
    placing, unplacing = measured
    placement = ground.placement()
    assert mortal(ground, "place", placement, placing // 2).returncode == -9
    ground.place(placement)
    assert mortal(ground, "unplace", unplacement(placement), unplacing // 2).returncode == -9


def points(total: int) -> list[int]:
    """Spread over all of it, never at the same place twice."""
    return sorted({1 + total * number // POINTS for number in range(POINTS)})


def test_a_killed_place_is_finished_by_asking_again(ground, measured) -> None:
    total, _ = measured
    reference = ground.place(ground.placement())
    for last in points(total):
        placement = ground.placement()
        assert mortal(ground, "place", placement, last).returncode in LIVED_OR_DIED
        answer = ground.place(placement)
        assert msgspec.structs.replace(answer, instance_id=reference.instance_id, repaired=()) == reference, last
        assert_whole(ground, placement)
        ground.unplace(placement.instance_id)


def test_a_killed_place_is_undone_without_a_trace(ground, measured) -> None:
    total, _ = measured
    for last in points(total):
        placement = ground.placement()
        assert mortal(ground, "place", placement, last).returncode in LIVED_OR_DIED
        ground.unplace(placement.instance_id)
        assert ground.left_of(placement.instance_id) == {}, last


def test_a_killed_unplace_is_finished_by_asking_again(ground, measured) -> None:
    _, total = measured
    for last in points(total):
        placement = ground.placement()
        ground.place(placement)
        assert mortal(ground, "unplace", unplacement(placement), last).returncode in LIVED_OR_DIED
        ground.unplace(placement.instance_id)
        assert ground.left_of(placement.instance_id) == {}, last


def test_a_killed_unplace_can_be_answered_by_a_new_place(ground, measured) -> None:
    _, total = measured
    for last in points(total)[::3]:
        placement = ground.placement()
        ground.place(placement)
        mortal(ground, "unplace", unplacement(placement), last)
        ground.place(placement)
        assert_whole(ground, placement)
    assert leftovers.processes(placement.instance_id)
