"""What the control plane knows of engines that agents need not know: a catalogue of parameters per version.

``<engine>/<version>.json`` is what a real server told (``packaging/parameters.py``), ``<engine>/parameters.toml`` what
it does not tell, by hand: whose a parameter is, limits that are narrower than the server's, what an instance has before
anybody sets something.
"""

import fnmatch
import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from common.errors import Unsupported
from trove.domain.parameters import Catalogue, Parameter, Spelling

_HERE = Path(__file__).resolve().parent


def engines() -> tuple[str, ...]:
    """Those that have parameters."""
    return tuple(sorted(file.parent.name for file in _HERE.glob("*/parameters.toml")))


def versions(engine: str) -> tuple[str, ...]:
    """Those that a server told of, the oldest first."""
    return tuple(sorted((file.stem for file in (_HERE / engine).glob("*.json")), key=_number))


@functools.cache
def catalogue(engine: str, version: str) -> Catalogue:
    """A version without data of its own has that of the nearest lower one, else of the lowest. Raises Unsupported."""
    known = versions(engine)
    if not known:
        raise Unsupported(f"The datastore {engine} has no parameters that can be set.", "Choose another datastore.")
    nearest = max((each for each in known if _number(each) <= _number(version)), key=_number, default=known[0])
    told = msgspec.json.decode((_HERE / engine / f"{nearest}.json").read_bytes(), type=list[Parameter])
    by_hand = tomllib.loads((_HERE / engine / "parameters.toml").read_text())
    spelling = msgspec.convert(by_hand["spelling"], Spelling)
    parameters = {each.name.lower(): _known(each, by_hand) for each in told}
    return Catalogue(engine, version, spelling, parameters, by_hand["ours"])


def _known(told: Parameter, by_hand: Mapping[str, Any]) -> Parameter:
    refused = next((reason for reason, patterns in by_hand["refused"].items() if _matches(told.name, patterns)), "")
    limits = dict(by_hand.get("limits", {}).get(told.name.lower(), {}))
    without = limits.pop("without", ())
    choices = tuple(choice for choice in told.choices if choice not in without)
    return replace(told, name=told.name.lower(), refused=refused, choices=choices, **limits)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in patterns)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
