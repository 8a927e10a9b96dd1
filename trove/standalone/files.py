"""Files that standalone makes for itself and for the servers it starts: never half written, never open to others."""

import os
import pathlib
import tempfile


def directory(path: pathlib.Path, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Makes ``path`` a directory with exactly this mode and, given as (uid, gid), this owner."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    if owner is not None:
        os.chown(path, *owner)
    path.chmod(mode)


def write(path: pathlib.Path, content: str | bytes, mode: int = 0o600, owner: tuple[int, int] | None = None) -> bool:
    """Puts ``content`` there in one step, mode and owner included. False when it was there already."""
    raw = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == raw:
        _dress(path, mode, owner)
        return False
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = pathlib.Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        _dress(new, mode, owner)
        new.replace(path)
    except BaseException:
        new.unlink()
        raise
    return True


def _dress(path: pathlib.Path, mode: int, owner: tuple[int, int] | None) -> None:
    if owner is not None:
        os.chown(path, *owner, follow_symlinks=False)
    path.chmod(mode)
