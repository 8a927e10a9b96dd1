"""Which version of a datastore is meant."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from common.errors import Invalid


class _Version(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def active(self) -> bool: ...


V = TypeVar("V", bound=_Version)


def choose_version(versions: Sequence[V], default_id: str | None, wanted: str | None, number: str | None) -> V:
    """By id, or by name and perhaps number; without ``wanted`` the default. Raises Invalid."""
    key = default_id if wanted is None and number is None else wanted
    matching = [version for version in versions
                if (key is None or key in (version.id, version.name)) and number in (None, version.number)]
    if not matching or (key is None and number is None):
        missing = " with number ".join(filter(None, (wanted, number))) or "by default"
        raise Invalid(f"There is no datastore version {missing}.", _offer(versions))
    active = [version for version in matching if version.active]
    if not active:
        raise Invalid(f"Datastore version {matching[0].name} is not active.", _offer(versions))
    if len(active) > 1:
        raise Invalid(f"Several versions are called {wanted}.", "Name the version number as well.")
    return active[0]


def _offer(versions: Sequence[_Version]) -> str:
    names = sorted({version.name if version.name == version.number else f"{version.name} (number {version.number})"
                    for version in versions if version.active})
    return f"Choose one of: {', '.join(names)}." if names else "There is none; an administrator adds them."
