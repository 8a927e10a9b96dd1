"""Stores for tests. Migrations take a fifth of a second: they run once a process, other tests begin with a copy."""

import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from trove.db import catalog
from trove.db.store import Store, open_store

STORE, KEY = "trove.sqlite", "key"


def open_seeded(root: Path, versions: Mapping[str, str], url: str = "") -> Store:
    """With the catalog of these datastores; SQLite in ``root`` unless ``url`` says otherwise."""
    store = open_store(url or f"sqlite:///{root}/{STORE}", root / KEY)
    with store.write() as connection:
        catalog.seed(connection, versions)
    return store


def begin(root: Path, versions: Mapping[str, str]) -> None:
    """Puts a whole store with its key into ``root``, unless there is one: all such have the same key."""
    if not (root / STORE).exists() and not (root / KEY).exists():
        pattern = Path(_pattern(tuple(versions.items())).name)
        for name in (KEY, STORE):
            shutil.copy(pattern / name, root / name)


@cache
def _pattern(versions: tuple[tuple[str, str], ...]) -> tempfile.TemporaryDirectory[str]:
    directory = tempfile.TemporaryDirectory()
    open_seeded(Path(directory.name), dict(versions)).close()
    return directory
