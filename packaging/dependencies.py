"""What may be said against the libraries that are locked: ``dependencies.py licences | vulnerabilities``.

``dependencies.toml`` beside it says which licences they may have, and which known vulnerabilities do not concern us.
Licences are read from what is installed, and need nobody; known vulnerabilities are asked of OSV's database in one
request. Prints a line for each thing that is wrong. Exit codes: 0, 1 when something is, 77 when nobody could be asked.
"""

import http.client
import json
import queue
import re
import sys
import threading
import tomllib
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # this runs isolated

import environments  # noqa: E402

DECLARED = HERE / "dependencies.toml"
DATABASE = "https://api.osv.dev/v1/querybatch"
MOST_QUERIES = 1000
"""In one request, as OSV documents it."""
PATIENCE = 5.0
"""Seconds, looking up the database's name included."""
SKIPPED = 77
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_WORD = re.compile(r"\(|\)|[^\s()]+")


class Unreachable(Exception):
    """The database of vulnerabilities gave no answer that could be used."""


@dataclass(frozen=True)
class Declared:
    """``dependencies.toml``. ``licences``, ``only`` and ``accepted`` have a reason each; ``names`` are what metadata
    call a licence that has another name in SPDX; ``only`` are copyleft licences, for the named libraries alone."""

    licences: dict[str, str]
    only: dict[str, dict[str, str]]
    names: dict[str, str]
    accepted: dict[str, str]

    @classmethod
    def read(cls, path: Path = DECLARED) -> "Declared":
        return cls(**tomllib.loads(path.read_text()))

    def allows(self, library: str, licence: str) -> bool:
        return licence in self.licences or library in self.only.get(licence, {})


def locked(files: Iterable[Path]) -> set[tuple[str, str]]:
    """Normalised name and version of everything that the requirement files pin."""
    return {(normalised(name), version) for file in files for name, version in _LOCKED.findall(file.read_text())}


def normalised(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_problems(wanted: Iterable[tuple[str, str]], installed: dict[str, Distribution],
                     declared: Declared) -> Iterator[str]:
    """A sentence for each library whose licence is not known to be acceptable."""
    for name, version in sorted(wanted):
        found = installed.get(name)
        if found is None:
            yield f"{name} {version} is locked and not installed: its licence cannot be read."
            continue
        stated = stated_licences(found)
        if not any(is_allowed(name, declared.names.get(each, each), declared) for each in stated):
            yield (f"{name} {version} is under “{'”, “'.join(stated) or 'no licence that it states'}”, which "
                   f"packaging/{DECLARED.name} does not allow.")


def stated_licences(found: Distribution) -> list[str]:
    """An SPDX expression, or what older metadata have: a name, or classifiers where its whole text stands instead."""
    metadata = found.metadata
    if expression := metadata.get("License-Expression"):
        return [expression]
    name = str(metadata.get("License") or "").strip()
    classifiers = [str(each).rpartition(" :: ")[2] for each in metadata.get_all("Classifier", [])
                   if str(each).startswith("License :: OSI Approved ::")]
    return [name] if name and ("\n" not in name or not classifiers) else classifiers


def is_allowed(library: str, expression: str, declared: Declared) -> bool:
    """Whether an SPDX expression leaves a choice that is allowed. One that cannot be read does not."""
    words = _WORD.findall(expression)
    try:
        answer = _either(words, library, declared)
    except IndexError:
        return False
    return answer and not words


def _either(words: list[str], library: str, declared: Declared) -> bool:
    answer = _both(words, library, declared)
    while words and words[0] == "OR":
        words.pop(0)
        answer = _both(words, library, declared) or answer
    return answer


def _both(words: list[str], library: str, declared: Declared) -> bool:
    answer = _single(words, library, declared)
    while words and words[0] == "AND":
        words.pop(0)
        answer = _single(words, library, declared) and answer
    return answer


def _single(words: list[str], library: str, declared: Declared) -> bool:
    word = words.pop(0)
    if word != "(":
        return declared.allows(library, word)
    answer = _either(words, library, declared)
    return words.pop(0) == ")" and answer


def vulnerability_problems(wanted: Iterable[tuple[str, str]], declared: Declared,
                           database: str = DATABASE, patience: float = PATIENCE) -> Iterator[str]:
    """A sentence for each known vulnerability that nobody accepted, and for each accepted one that is none any more.

    Raises Unreachable.
    """
    pinned = sorted(wanted)
    known: set[str] = set()
    for start in range(0, len(pinned), MOST_QUERIES):
        part = pinned[start:start + MOST_QUERIES]
        for (name, version), found in zip(part, asked(part, database, patience), strict=True):
            known |= found
            yield from (f"{name} {version} is known to be vulnerable: https://osv.dev/vulnerability/{identifier}"
                        for identifier in sorted(found - declared.accepted.keys()))
    yield from (f"{identifier} is accepted in packaging/{DECLARED.name}, and concerns nothing that is locked."
                for identifier in sorted(declared.accepted.keys() - known))


def asked(pinned: list[tuple[str, str]], database: str, patience: float) -> list[set[str]]:
    """The identifiers of vulnerabilities of each. Raises Unreachable.

    Another thread asks: to look up a name has no time limit of its own.
    """
    answers: queue.Queue[list[set[str]] | Exception] = queue.Queue()
    threading.Thread(target=_ask, args=(pinned, database, patience, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=patience)
    except queue.Empty:
        raise Unreachable(f"no answer within {patience:g} s") from None
    if isinstance(answer, Exception):
        raise Unreachable(str(answer)) from answer
    return answer


def _ask(pinned: list[tuple[str, str]], database: str, patience: float,
         answers: "queue.Queue[list[set[str]] | Exception]") -> None:
    queries = [{"package": {"name": name, "ecosystem": "PyPI"}, "version": version} for name, version in pinned]
    request = urllib.request.Request(  # noqa: S310 - the address is ours
        database, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=patience) as answer:  # noqa: S310
            answers.put(_identifiers(json.load(answer), len(pinned)))
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, AttributeError) as error:
        answers.put(error)


def _identifiers(answer: dict[str, Any], expected: int) -> list[set[str]]:
    """From OSV's answer, which has an object a query in their order. Another shape is an error of some kind."""
    found = [{str(each["id"]) for each in result.get("vulns", ())} for result in answer["results"]]
    if len(found) != expected:
        raise ValueError(f"{len(found)} answers to {expected} queries")
    return found


def installed_in(environment: environments.Environment) -> dict[str, Distribution]:
    """What is installed, by normalised name."""
    places = [str(place) for place in environment.path.glob("lib/python3*/site-packages")]
    return {normalised(found.metadata["Name"]): found for found in distributions(path=places)}


def all_licence_problems(declared: Declared) -> Iterator[str]:
    """Of every environment that stands here."""
    for environment in (environments.CONTROL, environments.GUEST, environments.KEYSTONE, environments.BENCH):
        if environment.path.exists():
            files = [HERE / f"{name}.txt" for layer in environment.layers for name in layer]
            yield from licence_problems(locked(files), installed_in(environment), declared)


def main() -> int:
    if sys.argv[1:] not in (["licences"], ["vulnerabilities"]):
        print("usage: dependencies.py licences | vulnerabilities", file=sys.stderr)
        return 2
    declared = Declared.read()
    try:
        if sys.argv[1] == "licences":
            problems = sorted(set(all_licence_problems(declared)))
        else:
            problems = list(vulnerability_problems(locked(HERE.glob("requirements*.txt")), declared))
    except Unreachable as error:
        print(f"the database at {DATABASE} cannot be asked: {error}")
        return SKIPPED
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
