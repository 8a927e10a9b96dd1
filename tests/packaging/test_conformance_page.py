"""The page of conformance has every behaviour of the kit for every engine, each shown on a real server."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALLED = {"mariadb", "postgresql", "redis"}
"""Engines that ``bin/test`` has a server of."""


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conformance_page", CHECKOUT / "packaging" / "conformance.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = _tool()


def columns(page: str) -> dict[str, set[str]]:
    """By server, the behaviours that are said to be shown."""
    found: dict[str, set[str]] = {}
    for section in page.split("\n## ")[1:]:
        capability, _, rest = section.partition("\n")
        head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")]
                          for line in rest.splitlines() if line.startswith("|")]
        for place, server in enumerate(head[1:], 1):
            found.setdefault(server, set()).update(
                f"{capability}-{row[0].replace(' ', '_')}" for row in rows if row[place] == "yes")
    return found


def test_every_engine_shows_every_behaviour_that_it_must() -> None:
    shown = columns(tool.PAGE.read_text())
    assert {tool.engine_of(server) for server in shown} >= INSTALLED
    for server, found in shown.items():
        assert found == set(tool.behaviours(tool.engine_of(server))), (
            f"{server}: run bin/test tests/conformance, then packaging/conformance.py")


def report(tmp_path: Path, body: str, server: str = "Redis 7.0.15") -> Path:
    file = tmp_path / "report.xml"
    tried = f'<properties><property name="server" value="{server}"/></properties>'
    cases = "".join(f'<testcase classname="a" name="test_serving[{name}]">{tried * (place > 2)}{body}</testcase>'
                    for place, name in enumerate(tool.behaviours("redis")))
    file.write_text(f"<testsuite>{cases}<testcase classname='b' name='elsewhere'/></testsuite>")
    return file


def test_a_page_is_made_from_a_report(tmp_path: Path) -> None:
    page = tool.text(tool.read([report(tmp_path, "")]))
    assert columns(page) == {"Redis 7.0.15": set(tool.behaviours("redis"))}
    assert "| databases |" not in page and "| root |" in page


def test_what_was_skipped_is_not_shown_and_what_failed_makes_no_page(tmp_path: Path) -> None:
    assert tool.read([report(tmp_path, "<skipped/>")]) == {"Redis 7.0.15": tool.Shown()}
    with pytest.raises(ValueError, match="failed on Redis"):
        tool.read([report(tmp_path, "<failure/>")])
