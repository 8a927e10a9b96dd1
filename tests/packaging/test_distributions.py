"""What is in the wheels that ``bin/up`` built, and what they say they need."""

import ast
import itertools
import re
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = {"common": "trove_common", "troveguest": "troveguest", "trove": "trove"}
OWNERS = {"common": "trove-common", "nacl": "pynacl", "oslo_config": "oslo.config",
          "oslo_policy": "oslo.policy",
          "prometheus_client": "prometheus-client"}
"""Distributions by the name of the module they bring, where the two differ."""


def wheel(package: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(next((CHECKOUT / "build" / "wheels").glob(f"{PACKAGES[package]}-*.whl")))


def sources(package: str) -> set[str]:
    return {str(file.relative_to(CHECKOUT)) for file in (CHECKOUT / package).rglob("*")
            if file.is_file() and "__pycache__" not in file.parts}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_holds_its_package_whole_and_nothing_else(package: str) -> None:
    names = {name for name in wheel(package).namelist() if ".dist-info/" not in name}
    assert names == sources(package) | ({"trove/releases/requirements-guest.txt"} if package == "trove" else set())


@pytest.mark.parametrize("package", PACKAGES)
def test_a_distribution_asks_for_what_it_imports(package: str) -> None:
    described = tomllib.loads((CHECKOUT / "packaging" / package / "pyproject.toml").read_text())["project"]
    extras = itertools.chain.from_iterable(described.get("optional-dependencies", {}).values())
    asked = {re.match(r"[\w.-]+", line)[0] for line in itertools.chain(described.get("dependencies", []), extras)}
    foreign = imported(package) - sys.stdlib_module_names - {package}
    assert {OWNERS.get(module, module) for module in foreign} == asked


def imported(package: str) -> set[str]:
    """Top-level names of the modules that a package's files import."""
    found = set()
    for file in (CHECKOUT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.partition(".")[0])
    return found


def pinned(name: str) -> dict[str, str]:
    text = (CHECKOUT / "packaging" / name).read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.M))


REQUIREMENTS = sorted(file.name for file in (CHECKOUT / "packaging").glob("requirements*.txt"))


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_requirements_are_hashed_and_name_no_place(name: str) -> None:
    text = (CHECKOUT / "packaging" / name).read_text()
    assert pinned(name)
    for entry in re.split(r"\n(?=\w)", re.sub(r"^#.*\n", "", text, flags=re.M)):
        assert "--hash=sha256:" in entry, entry
    assert "://" not in text and "--index" not in text and "--find-links" not in text and " @ " not in text


def test_one_version_of_each_library() -> None:
    versions: dict[str, set[str]] = {}
    for name in REQUIREMENTS:
        for library, version in pinned(name).items():
            versions.setdefault(library, set()).add(version)
    assert {library: found for library, found in versions.items() if len(found) > 1} == {}


def test_an_instance_gets_few_libraries() -> None:
    assert len(pinned("requirements-guest.txt")) <= 8
