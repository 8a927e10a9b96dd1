"""The data volume: an XFS image on a loop device where that is possible, else a directory whose size is watched."""

import fcntl
import os
import shutil
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.errors import HostFailed, Invalid, NoSpace

from ..host import files, record
from . import commands

OPTIONS = "loop,nosuid,nodev,noatime"
_LEAST_FREE = 128 << 20
"""Bytes; an empty file system takes 40 MB of them, and a volume that starts on a full disk is none."""
_ATTEMPTS, _MOUNT_FAILED = 3, 32
"""Somebody else may have taken the free loop device that we found."""
_UNMOUNT_BUSY = 32
_PATIENCE, _LOOK_EVERY = 20.0, 0.05
"""Seconds. The kernel gives a server's io_uring back after its process is gone, and announces that to nobody."""
_LOOP_CONTROL, _LOOP_MAJOR, _GET_FREE = "/dev/loop-control", 7, 0x4C82
"""LOOP_CTL_GET_FREE (linux/loop.h): names a free loop device, making one if need be."""


@dataclass(frozen=True, slots=True)
class Volume:
    """``kind`` is IMAGE or DIRECTORY of ``host.record``; ``reason`` says why it is no image although one was wanted."""

    kind: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """An instance's image in the pool, and where it is mounted."""

    image: Path
    mount_point: Path

    def ensure(self, volume_gb: int | None, known: Volume | None) -> Volume:
        """Makes or repairs the volume. ``known`` is what it was decided to be, None at first.

        Raises HostFailed or NoSpace. What was an image stays one: a volume that cannot be mounted is not replaced.
        """
        if known is not None and known.kind == record.DIRECTORY:
            return known
        if volume_gb is None:
            return Volume(record.DIRECTORY)
        if not commands.is_root():
            return Volume(record.DIRECTORY, "that needs root")
        try:
            if known is not None and not self.image.exists():
                raise HostFailed(f"The volume {self.image} is gone.", "Mount the disk it is on, or restore it.")
            self._ensure_image(volume_gb)
            self._ensure_mounted()
        except HostFailed as error:
            if known is not None:
                raise
            self.remove()
            return Volume(record.DIRECTORY, error.message.rstrip("."))
        return Volume(record.IMAGE)

    def grow(self, volume_gb: int) -> None:
        """Makes image and file system larger while they are in use. Raises Invalid for a smaller size, HostFailed."""
        size, wanted = self.image.stat().st_size, volume_gb * record.GIB
        if wanted < size:
            raise Invalid(f"The volume has {size // record.GIB} GB and cannot become smaller.")
        if not self.is_mounted():
            raise HostFailed("The volume is not mounted.", "Place the instance again.")
        os.truncate(self.image, wanted)
        for device in self._devices():
            commands.run(["losetup", "--set-capacity", device])
        commands.run(["xfs_growfs", "-d", str(self.mount_point)])

    def remove(self) -> None:
        """Unmounts, lets go of the loop device and removes the image; nothing to do for what is not there."""
        until = time.monotonic() + _PATIENCE
        while self.is_mounted():
            last = time.monotonic() >= until
            commands.run(["umount", str(self.mount_point)], accept=(0,) if last else (0, _UNMOUNT_BUSY))
            if self.is_mounted():
                time.sleep(_LOOK_EVERY)
        while (left := self._devices()) and time.monotonic() < until:
            for device in left:
                commands.run(["losetup", "--detach", device], accept=(0, 1))  # it may let go by itself meanwhile
            time.sleep(_LOOK_EVERY)
        if left:
            raise HostFailed(f"{left[0]} does not let go of {self.image}.", "Look at who uses it: fuser, /proc/mounts.")
        for path in (self.image, self._unfinished):
            path.unlink(missing_ok=True)

    def is_mounted(self) -> bool:
        path = _escaped(self.mount_point.parent.resolve() / self.mount_point.name)
        return any(line.split()[4] == path for line in Path("/proc/self/mountinfo").read_text().splitlines())

    @property
    def _unfinished(self) -> Path:
        return self.image.with_suffix(".new")

    def _ensure_image(self, volume_gb: int) -> None:
        if self.image.exists():
            return
        if shutil.disk_usage(self.image.parent).free < _LEAST_FREE:
            raise NoSpace(f"There is no room for a volume in {self.image.parent}.", "Make room, then try again.")
        with self._unfinished.open("wb") as file:
            file.truncate(volume_gb * record.GIB)
        self._unfinished.chmod(0o600)
        commands.run(["mkfs.xfs", "-q", "-f", "-K", str(self._unfinished)])
        self._unfinished.rename(self.image)
        files.sync_directory(self.image.parent)

    def _ensure_mounted(self) -> None:
        for attempt in range(_ATTEMPTS):
            if self.is_mounted():
                return
            _ensure_loop_device()
            last = attempt == _ATTEMPTS - 1
            commands.run(["mount", "-t", "xfs", "-o", OPTIONS, str(self.image), str(self.mount_point)],
                         accept=(0,) if last else (0, _MOUNT_FAILED))

    def _devices(self) -> list[str]:
        """Loop devices over the image."""
        if not commands.is_root() or not self.image.exists():
            return []
        lines = commands.run(["losetup", "--associated", str(self.image)]).splitlines()
        return [line.split(":")[0] for line in lines]


def _ensure_loop_device() -> None:
    """Makes the node of a free loop device where no devtmpfs does that. Raises HostFailed."""
    try:
        control = os.open(_LOOP_CONTROL, os.O_RDWR | os.O_CLOEXEC)
        try:
            number = fcntl.ioctl(control, _GET_FREE)
        finally:
            os.close(control)
        with suppress(FileExistsError):
            os.mknod(f"/dev/loop{number}", 0o660 | stat.S_IFBLK, os.makedev(_LOOP_MAJOR, number))
    except OSError as error:
        raise HostFailed(f"There are no loop devices here: {error.strerror}.") from error


def _escaped(path: Path) -> str:
    """As the kernel writes a path in mountinfo."""
    return "".join(f"\\{ord(letter):03o}" if letter in " \t\n\\" else letter for letter in str(path))
