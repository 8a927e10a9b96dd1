"""Where the agent's own code comes from: a checkout, or the packages that are installed beside this program."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.errors import Invalid

DISTRIBUTIONS = {"common": "trove-common", "troveguest": "troveguest"}
_LOCKED = "requirements-guest.txt"


@dataclass(frozen=True)
class Sources:
    """``packages`` are directories by the names of their packages; ``asks`` is what the two distributions ask for, as
    ``Requires-Dist`` has it; ``locked`` has the hashed versions of that."""

    packages: dict[str, Path]
    asks: tuple[str, ...]
    locked: Path

    def version(self) -> str:
        return self._value("troveguest", "__init__.py", "__version__")

    def contract(self) -> str:
        return self._value("common", "contract/version.py", "CONTRACT_VERSION")

    def _value(self, package: str, file: str, name: str) -> str:
        """A constant of the code, read and not run: it may be older or newer than ours."""
        path = self.packages[package] / file
        found = re.search(rf'^{name} = "([^"]+)"$', path.read_text(), re.MULTILINE)
        if found is None:
            raise Invalid(f"{path} does not say its {name}.")
        return found[1]


def find(directory: Path | None) -> Sources:
    """The checkout ``directory``; None means the current directory if that is one, else what is installed.

    Raises Invalid.
    """
    if directory is None:
        return checkout(Path.cwd()) if _is_checkout(Path.cwd()) else installed()
    if not _is_checkout(directory):
        raise Invalid(f"{directory} is no checkout of Trove.", "Name the directory that has packaging and troveguest.")
    return checkout(directory)


def checkout(directory: Path) -> Sources:
    packaging = directory / "packaging"
    asks = [line for name in DISTRIBUTIONS for line in _asks(packaging / name / "pyproject.toml")]
    return Sources({name: directory / name for name in DISTRIBUTIONS}, tuple(asks), packaging / _LOCKED)


def installed() -> Sources:
    """Raises Invalid when one of the two is not installed here."""
    found = {}
    for package, name in DISTRIBUTIONS.items():
        try:
            found[package] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            raise Invalid(f"{name} is not installed beside trovectl.",
                          f"Install it there with pip, or name a checkout: --source DIR ({name} is in it).") from None
    asks = [line for each in found.values() for line in each.requires or ()]
    packages = {package: Path(str(each.locate_file(package))) for package, each in found.items()}
    return Sources(packages, tuple(asks), Path(__file__).with_name(_LOCKED))


def _is_checkout(directory: Path) -> bool:
    return all((directory / path).is_file() for path in (
        "packaging/" + _LOCKED, *(f"packaging/{name}/pyproject.toml" for name in DISTRIBUTIONS)))


def _asks(description: Path) -> Iterator[str]:
    project = tomllib.loads(description.read_text())["project"]
    yield from project.get("dependencies", ())
    for extra, lines in project.get("optional-dependencies", {}).items():
        yield from (f'{line}; extra == "{extra}"' for line in lines)
