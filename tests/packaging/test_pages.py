"""The reference pages that are drawn from the code."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from common import errors
from trove.domain import states

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    found = importlib.util.spec_from_file_location("pages", CHECKOUT / "packaging" / "pages.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", [
    "state-machine.md", "options.md", "trovectl.md", "metrics.md", "errors.md", "rest.md", "events.md",
    "trove-guestagent.md", "parameters.md"])
def test_a_page_is_current(pages: ModuleType, name: str) -> None:
    drawn = pages.PAGES[name]()
    assert (CHECKOUT / "docs" / "reference" / name).read_text() == drawn, "Run .venv/bin/python packaging/pages.py."


def test_every_edge_is_in_the_diagram_and_in_the_table(pages: ModuleType) -> None:
    drawn = pages.state_machine()
    for edge in states.EDGES:
        assert f"    {edge.source.value} --> {edge.target.value}: " in drawn
        assert f" | {edge.sentence} |" in drawn


def test_an_option_is_shown_with_its_default_its_bounds_and_its_secrecy(pages: ModuleType) -> None:
    drawn = pages.options()
    assert "| `api_threads` | `40` | a whole number, at least 1, at most 200 |" in drawn
    assert "| `auth_strategy` | `noauth` | `noauth` or `token` or `keystone` |" in drawn
    assert "| `password` | must be set | a text (secret) |" in drawn


def test_errors_are_shown_with_kind_sentence_and_remedy(pages: ModuleType) -> None:
    drawn = pages.sentences()
    assert "| `no_space` | There is no room for a volume in …. | Make room, then try again. |" in drawn
    assert "| `unreachable` | 503 | yes |" in drawn
    assert set(pages._PLACES) == {where for where in pages._PLACES if (CHECKOUT / where).exists()}
    assert all(f"`{kind}`" in drawn for kind in errors.BY_CODE)


def test_the_runbooks_have_every_sentence_of_a_fault_and_no_other(pages: ModuleType) -> None:
    listed = re.findall(r"^> (.+)$", (CHECKOUT / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    assert len(listed) == len(set(listed)), "A sentence has two runbooks."
    assert set(listed) == pages.fault_sentences()


def test_every_command_is_shown_with_its_options_and_the_exit_codes(pages: ModuleType) -> None:
    drawn = pages.commands()
    for command in ("up", "down", "status", "doctor", "instance connect", "user grant", "database list"):
        assert f"\n## trovectl {command}\n" in drawn
    assert "| `--flavor FLAVOR` | the smallest | Name or id of its flavor. |" in drawn
    assert "| `INSTANCE` | must be given | Name or id of an instance. |" in drawn
    assert "3 the control plane" in drawn


def test_every_request_is_shown_with_its_parameters_and_types(pages: ModuleType) -> None:
    drawn = pages.rest()
    assert "    POST /v1.0/{project}/instances\n" in drawn and "### NewInstance\n" in drawn
    assert "Takes [`CreateInstance`](#createinstance). Answers **200**, [`OneInstance`](#oneinstance); or 400" in drawn
    assert "| `limit` | query | whole number of 1 to 9" in drawn
