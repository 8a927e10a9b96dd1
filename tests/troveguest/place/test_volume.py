"""The volume has the size that was paid for, grows in use, and its absence is told."""

import errno
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from common.contract import codec
from common.contract.placement import Placed, Unplacement
from common.errors import HostFailed, Invalid, NotFound
from tests import leftovers
from tests.troveguest.ground import Ground
from troveguest.host import record
from troveguest.host.runit import RunitHost

pytestmark = pytest.mark.server


def options(mount_point: Path) -> set[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[4] == str(mount_point):
            return set(fields[5].split(","))
    return set()


def test_the_size_is_enforced(as_root: Ground) -> None:
    placement = as_root.placement()
    assert as_root.place(placement).volume == "image"
    layout = as_root.layout(placement)
    assert {"nosuid", "nodev", "noatime"} <= options(layout.volume)
    stats = RunitHost(layout.home).stats()
    assert 0.9 * record.GIB < stats.total <= record.GIB and stats.free <= stats.total - stats.used
    with (layout.data / "big").open("wb") as file, pytest.raises(OSError) as caught:
        os.posix_fallocate(file.fileno(), 0, 2 * record.GIB)
    assert caught.value.errno == errno.ENOSPC


def test_the_image_takes_only_the_space_that_is_used(as_root: Ground) -> None:
    placement = as_root.placement(volume_gb=50)
    as_root.place(placement)
    image = as_root.top / "volumes" / f"{placement.instance_id}.img"
    assert image.stat().st_size == 50 * record.GIB
    assert image.stat().st_blocks * 512 < 200 * 2**20
    assert image.stat().st_mode & 0o777 == 0o600


def test_it_grows_while_it_is_written_to(as_root: Ground) -> None:
    placement = as_root.placement()
    as_root.place(placement)
    host = RunitHost(Path(placement.home))
    before = host.stats().total
    ended = threading.Event()
    failures: list[OSError] = []

    def write() -> None:
        while not ended.is_set():
            try:
                (as_root.layout(placement).data / "busy").write_bytes(os.urandom(1 << 16))
            except OSError as error:
                failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    as_root.grow(placement, 2)
    as_root.grow(placement, 2)
    ended.set()
    writer.join()
    assert failures == []
    assert host.stats().total - before > 0.9 * record.GIB
    with pytest.raises(Invalid, match="smaller"):
        as_root.grow(placement, 1)


def test_a_directory_grows_on_paper(as_ordinary: Ground) -> None:
    placement = as_ordinary.placement()
    if as_ordinary.place(placement).volume == "image":
        pytest.skip("needs an ordinary user")
    host = RunitHost(Path(placement.home))
    host.run_job(["dd", "if=/dev/zero", f"of={as_ordinary.layout(placement).data}/file", "bs=1M", "count=3"], 20)
    stats = host.stats()
    assert stats.total == record.GIB and 3 * 2**20 <= stats.used < 4 * 2**20
    assert stats.free <= stats.total - stats.used
    as_ordinary.grow(placement, 2)
    assert host.stats().total == 2 * record.GIB
    with pytest.raises(Invalid, match="smaller"):
        as_ordinary.grow(placement, 1)


def test_an_instance_without_a_volume_of_its_own(ground: Ground) -> None:
    placement = ground.placement(volume_gb=None)
    answer = ground.place(placement)
    assert answer.volume == "directory" and not any("volume" in note for note in answer.notes)
    disk = shutil.disk_usage(placement.home)
    assert RunitHost(Path(placement.home)).stats().total == disk.total
    with pytest.raises(Invalid, match="no volume"):
        ground.grow(placement, 2)


def test_nothing_grows_where_nothing_is(ground: Ground) -> None:
    with pytest.raises(NotFound):
        ground.grow(ground.placement(), 2)


def test_where_nothing_can_be_mounted_it_is_a_directory_and_says_so(as_root: Ground) -> None:
    placement = as_root.placement()
    words = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--", *as_root.command("place")]
    ended = subprocess.run(words, input=codec.encode(placement), capture_output=True, timeout=60, check=True)
    answer = codec.decode(ended.stdout, Placed)
    assert answer.volume == "directory"
    assert any("not enforced" in note for note in answer.notes)
    assert leftovers.files(as_root.top / "volumes", placement.instance_id) == []
    assert leftovers.loop_devices(placement.instance_id) == []
    assert as_root.place(placement).volume == "directory", "data in a directory are not hidden below a mount"


def test_a_volume_that_cannot_be_mounted_any_more_is_not_replaced(as_root: Ground) -> None:
    placement = as_root.placement()
    as_root.place(placement)
    layout = as_root.layout(placement)
    subprocess.run(["umount", layout.volume], check=True)
    image = as_root.top / "volumes" / f"{placement.instance_id}.img"
    with image.open("r+b") as file:
        file.write(b"\0" * 4096)
    with pytest.raises(HostFailed, match="mount"):
        as_root.place(placement)
    assert image.exists()


def test_a_volume_that_is_gone_is_not_replaced_by_an_empty_one(as_root: Ground) -> None:
    placement = as_root.placement()
    as_root.place(placement)
    subprocess.run(["umount", as_root.layout(placement).volume], check=True)
    image = as_root.top / "volumes" / f"{placement.instance_id}.img"
    image.rename(aside := image.with_name("aside"))
    with pytest.raises(HostFailed, match="gone"):
        as_root.place(placement)
    aside.rename(image)
    assert as_root.place(placement).volume == "image"
    assert as_root.layout(placement).data.exists()


def test_the_homes_may_be_behind_a_link_and_the_callers_umask_is_not_ours(as_root: Ground) -> None:
    (as_root.top / "elsewhere").mkdir()
    (as_root.top / "linked").symlink_to("elsewhere")
    instance_id = as_root.placement().instance_id
    placement = as_root.placement(instance_id, home=str(as_root.top / "linked" / "instances" / instance_id))
    for _ in range(2):
        words = ["sh", "-c", 'umask 077; exec "$0" place', *as_root.command()]
        ended = subprocess.run(words, input=codec.encode(placement), capture_output=True, timeout=60)
        assert ended.returncode == 0, ended.stdout
        assert codec.decode(ended.stdout, Placed).volume == "image"
        assert len(leftovers.mounts(instance_id)) == 1
    order = Unplacement(instance_id=instance_id, home=placement.home)
    subprocess.run(as_root.command("unplace"), input=codec.encode(order), check=True, timeout=60)
    assert as_root.left_of(instance_id) == {}
