"""Files that are whole or not there: written aside, flushed, and renamed into place."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

Owner = tuple[int, int]
"""User and group id; -1 leaves one as it is (chown(2))."""


def write(path: Path, content: str | bytes, *, mode: int = 0o600, owner: Owner = (-1, -1),
          durable: bool = True) -> None:
    """Replaces ``path`` as a whole; a reader sees the old file or the new one. Never follows a link at ``path``.

    The file has its mode and owner before it has content. It is on the disk when this returns; where it is not to be
    ``durable``, when ``sync_tree`` does.
    """
    data = content.encode() if isinstance(content, str) else content
    aside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    descriptor = os.open(aside, _NEW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            if durable:
                os.fsync(descriptor)
        aside.rename(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def write_if_changed(path: Path, content: str | bytes, *, mode: int = 0o600, owner: Owner = (-1, -1),
                     durable: bool = True) -> bool:
    """``write``, left out where content, mode and owner are right already; whether something was written."""
    data = content.encode() if isinstance(content, str) else content
    with suppress(PermissionError):  # what was taken from us is written anew
        if read(path, len(data) + 1) == data and _is(path, mode, owner):
            return False
    write(path, data, mode=mode, owner=owner, durable=durable)
    return True


def read(path: Path, most: int = -1) -> bytes | None:
    """The content of a plain file; None when nothing is there, or something else than a plain file.

    ``most`` bytes of it, where somebody else may have made it larger than our memory.
    """
    file = open_plain(path)
    if file is None:
        return None
    with file:
        return file.read(most)


def tail(path: Path, size: int) -> str:
    """The last ``size`` bytes of a plain file as text; empty when there is none. Foreign bytes become U+FFFD."""
    file = open_plain(path)
    if file is None:
        return ""
    with file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - size))
        return file.read(size).decode(errors="replace")


def open_plain(path: Path) -> BinaryIO | None:
    """Opens what may have been put there by somebody else: no link is followed, no pipe waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
            return None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def ensure_directory(path: Path, mode: int, owner: Owner = (-1, -1)) -> None:
    """Makes one directory, or gives it mode and owner. Raises NotADirectoryError for a link or a file."""
    with suppress(FileExistsError):
        path.mkdir(0o700)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not _is(path, mode, owner):
            os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def ensure_link(path: Path, target: str) -> bool:
    """Makes ``path`` a symbolic link to ``target``, atomically; whether it was something else before."""
    with suppress(OSError):  # not there, or no link: both mean that it has to be made
        if str(path.readlink()) == target:
            return False
    aside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    aside.symlink_to(target)
    aside.rename(path)
    sync_directory(path.parent)
    return True


def sync_directory(path: Path) -> None:
    """Makes names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(top: Path) -> None:
    """Makes plain files and names in a directory and all below it durable."""
    for directory, _, names in os.walk(top):
        for name in names:
            if file := open_plain(Path(directory, name)):
                with file:
                    os.fsync(file.fileno())
        sync_directory(Path(directory))


def _is(path: Path, mode: int, owner: Owner) -> bool:
    info = path.lstat()
    same = all(wanted in (-1, found) for wanted, found in zip(owner, (info.st_uid, info.st_gid), strict=True))
    return same and stat.S_IMODE(info.st_mode) == mode
