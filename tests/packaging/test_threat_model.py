"""The threat model names, for each mitigation, tests that there are."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "threat-model.md").read_text()
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def mitigations(page: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Threat, and file and name of each test that is named for it."""
    for line in page.partition("\n## Mitigations\n")[2].partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] != "Threat" and not cells[0].startswith("---"):
            yield cells[0], _TEST.findall(cells[-1])


@cache
def names_in(file: str) -> set[str]:
    """Names that pytest collects in a module: it takes functions that begin with ``test``."""
    path = CHECKOUT / file
    if not path.name.startswith("test_") or not path.exists():
        return set()
    return {node.name for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def missing(page: str) -> list[str]:
    return [f"{file}::{name}" for file, name in _TEST.findall(page) if name not in names_in(file)]


def test_every_mitigation_names_a_test() -> None:
    rows = list(mitigations(PAGE))
    assert len(rows) > 30
    assert [threat for threat, tests in rows if not tests] == []


def test_every_named_test_is_there() -> None:
    assert missing(PAGE) == []


def test_a_row_without_a_test_and_a_test_that_is_gone_are_seen() -> None:
    page = ("# x\n## Mitigations\n| Threat | Mitigation | Shown by |\n|---|---|---|\n| rain | a roof | |\n"
            "| wind | walls | `tests/packaging/test_threat_model.py::test_of_walls` |\n## Else\n| a | b |\n")
    assert [threat for threat, tests in mitigations(page) if not tests] == ["rain"]
    assert missing(page) == ["tests/packaging/test_threat_model.py::test_of_walls"]


def test_every_requirement_has_its_hash() -> None:
    files = sorted((CHECKOUT / "packaging").glob("requirements*.txt"))
    assert len(files) > 5
    for file in files:
        for requirement in re.split(r"\n(?=[A-Za-z])", file.read_text())[1:]:
            assert "--hash=sha256:" in requirement, (file.name, requirement.splitlines()[0])
    installing = (CHECKOUT / "packaging" / "environments.py").read_text()
    assert '"--require-hashes"' in installing
