"""Directories for installations: pytest's own may be entered by nobody but its owner, and ours run as several users."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def directory(owner: str | None = None) -> Iterator[Path]:
    """A new directory that everybody may pass through; ``owner``'s when named. Gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="trove-"))
    made.chmod(0o711)
    if owner:
        account = pwd.getpwnam(owner)
        os.chown(made, account.pw_uid, account.pw_gid)
    try:
        yield made
    finally:
        shutil.rmtree(made)
