"""What ``place`` writes down of an instance, for its own repair and for the agent. Holds no secret."""

from pathlib import Path

import msgspec

from . import files

GIB = 2**30
IMAGE, DIRECTORY = "image", "directory"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """``volume`` is IMAGE or DIRECTORY; ``volume_gb`` None where no size was asked for.

    ``reason`` says why a volume that was asked for is only a directory. ``memory_mb`` and ``vcpus`` are the server's
    limits; 0 in the record of a release that did not note them. ``unsettled`` is the boot in which the place
    is made, until all of it is on the disk.
    """

    instance_id: str = ""
    volume: str = DIRECTORY
    volume_gb: int | None = None
    reason: str = ""
    memory_mb: int = 0
    vcpus: int = 0
    unsettled: str = ""

    @classmethod
    def read(cls, path: Path) -> "Record":
        """The record at ``path``, an empty one where there is none."""
        data = files.read(path)
        return msgspec.json.decode(data, type=cls) if data is not None else cls()

    def write(self, path: Path) -> None:
        files.write_if_changed(path, msgspec.json.encode(self), mode=0o644)

    def directory_bytes(self) -> int | None:
        """The size that a plain directory was promised to keep below; None where a file system sees to it."""
        if self.volume == DIRECTORY and self.volume_gb is not None:
            return self.volume_gb * GIB
        return None
