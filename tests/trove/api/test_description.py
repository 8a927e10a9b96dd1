"""The API described by itself: every handler, nothing besides, examples that hold, a page that a person can read."""

import inspect
import json
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from tests.trove.api.world import World
from trove.api import bodies, errors
from trove.api.description import declared, document
from trove.api.routes import ROUTES


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return json.loads(msgspec.json.encode(document.make(ROUTES)))


def test_every_handler_is_described_and_nothing_else(made: dict[str, Any]) -> None:
    handled = {(path, name.removeprefix("on_")) for path, resource in ROUTES.items()
               for name, _ in inspect.getmembers(resource, inspect.isfunction) if name.startswith("on_")}
    told = {(path, method) for path, item in made["paths"].items() for method in item if method != "parameters"}
    assert told == {(path, method) for path, method in handled if method != "head"}
    heads, gets = ({path for path, method in handled if method == wanted} for wanted in ("head", "get"))
    assert heads == gets


def test_a_handler_that_nobody_described_stops_the_document() -> None:
    class Silent:
        def on_get(self) -> None: ...

    with pytest.raises(KeyError):
        document.make({"/silent": Silent})


def test_a_part_of_a_path_that_nobody_described_stops_the_document() -> None:
    class Told:
        @declared.describe("Tells.")
        def on_get(self) -> None: ...

    with pytest.raises(KeyError, match="thing"):
        document.make({"/{thing}": Told})


def test_names_of_operations_are_unique(made: dict[str, Any]) -> None:
    names = [operation["operationId"] for item in made["paths"].values()
             for method, operation in item.items() if method != "parameters"]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("path", "method", "told"), [
    (path, method, declared.description(handler)) for path, resource in ROUTES.items()
    for method, handler in declared.handlers(resource)])
def test_examples_are_what_the_types_take(made: dict[str, Any], path: str, method: str,
                                          told: declared.Described) -> None:
    operation = made["paths"][path][method]
    if told.body is not None:
        example = operation["requestBody"]["content"]["application/json"]["example"]
        assert example
        bodies.decode(json.dumps(example).encode(), told.body)
    if told.answer is not None:
        [content] = operation["responses"][str(told.status)]["content"].values()
        msgspec.convert(content["example"], told.answer)


@pytest.mark.parametrize(("noun", "method"), [
    ("instances/{instance_id}", "put"), ("instances/{instance_id}", "patch"),
    ("configurations/{configuration}", "put")])
def test_a_dry_run_that_is_answered_otherwise_is_described(made: dict[str, Any], noun: str, method: str) -> None:
    responses = made["paths"][f"/v1.0/{{project}}/{noun}"][method]["responses"]
    assert responses["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Plan") and "202" in responses


def test_every_status_of_an_error_has_a_meaning_and_an_example() -> None:
    said = {status for path, resource in ROUTES.items() for method, handler in declared.handlers(resource)
            for status in document.statuses(path, method, declared.description(handler))}
    assert said <= set(errors.FAULTS) and said == set(errors.MEANINGS) == set(errors.EXAMPLES)


def test_the_document_is_answered_without_a_project(world: World, made: dict[str, Any]) -> None:
    answer = world.client.simulate_get("/openapi.json")
    assert answer.json == made and answer.headers["content-type"] == "application/json"
    assert world.client.simulate_head("/openapi.json").status_code == 200


class Page(HTMLParser):
    """Its tags in order, whether each was closed, the ids that it gives and the links that it follows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.add(tag)
        if tag not in ("meta", "!doctype"):
            self.open.append(tag)
        self.ids |= {told["id"] or ""} if "id" in told else set()
        self.links |= {told["href"] or ""} if "href" in told else set()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_shows_every_path_and_needs_nothing_else(world: World, made: dict[str, Any]) -> None:
    answer = world.client.simulate_get("/openapi.html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.text)
    assert not page.open and not {"script", "link", "img", "iframe"} & page.tags
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= page.ids
    assert {link for link in page.links if not link.startswith("#")} == {"openapi.json"}
    for path, item in made["paths"].items():
        assert f"<code>{path}</code>" in answer.text
        assert {item[method]["operationId"] for method in item if method != "parameters"} <= page.ids
    assert set(made["components"]["schemas"]) <= page.ids
