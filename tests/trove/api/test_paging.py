"""limit, marker and the next link."""

from urllib.parse import parse_qs, parse_qsl, urlsplit

import falcon.testing
import pytest

from common.contract import types as t
from common.secret import Secret
from tests.trove.api.world import World, make_world
from trove.api.settings import Settings
from trove.db.store import Store

HOSTILE = ("a b", "a#b", "a%41", "a%zz", "a&limit=1", "a+b", "a?b", "ä", "x")


def next_href(answer: falcon.testing.Result) -> str | None:
    """The link to the next page, as path and query; None on the last one."""
    links = answer.json.get("links")
    if links is None:
        return None
    [link] = links
    assert link["rel"] == "next"
    parts = urlsplit(link["href"])
    return f"{parts.path}?{parts.query}"


def marker_of_troveclient(href: str) -> str:
    """What python-troveclient sends next: the marker decoded once and put into the query as it stands."""
    return f"marker={dict(parse_qsl(urlsplit(href).query))['marker']}"


@pytest.fixture(scope="module")
def of_three(store: Store) -> World:
    return make_world(store, Settings(instances_page_size=3, databases_page_size=3, users_page_size=3))


@pytest.fixture
def paged(of_three: World) -> World:
    return of_three.anew()


def test_every_instance_is_on_one_page(paged: World) -> None:
    created = {paged.create(f"db{number}")["id"] for number in range(7)}
    seen: list[str] = []
    answer = paged.ask("GET", "/instances", params={"limit": 2, "include_clustered": "False"})
    while True:
        page = [view["id"] for view in answer.json["instances"]]
        assert len(page) <= 2
        seen += page
        if (href := next_href(answer)) is None:
            break
        assert parse_qs(urlsplit(href).query)["limit"] == ["2"]
        answer = paged.client.simulate_get(href)
    assert len(seen) == 7 and set(seen) == created


def test_a_page_is_sorted_newest_first(paged: World) -> None:
    for number in range(3):
        paged.create(f"db{number}")
    answer = paged.ask("GET", "/instances")
    assert [view["name"] for view in answer.json["instances"]] == ["db2", "db1", "db0"]
    assert "links" not in answer.json


def test_the_limit_is_capped(paged: World) -> None:
    for number in range(4):
        paged.create(f"db{number}")
    answer = paged.ask("GET", "/instances/detail", params={"limit": 100})
    assert len(answer.json["instances"]) == 3 and "/instances/detail?" in (next_href(answer) or "")


@pytest.mark.parametrize("limit", ["x", "-1", "0", "", "1.5", "٣", "9" * 4000, "0" * 5000 + "1"])
@pytest.mark.parametrize("collection", ["/instances", "/instances/detail", "/databases", "/users"])
def test_a_limit_that_is_no_number_is_400(paged: World, collection: str, limit: str) -> None:
    path = collection if "instances" in collection else f"/instances/{paged.serving()[0]}{collection}"
    answer = paged.ask("GET", path, params={"limit": limit})
    assert answer.status_code == 400 and "badRequest" in answer.json


def test_an_unknown_marker_starts_behind_its_place(paged: World) -> None:
    paged.create()
    assert paged.ask("GET", "/instances", params={"marker": "zzz"}).json == {"instances": []}
    assert len(paged.ask("GET", "/instances", params={"marker": "0"}).json["instances"]) == 1


@pytest.mark.parametrize("by", ["the link", "troveclient"])
@pytest.mark.parametrize("collection", ["databases", "users"])
def test_names_are_paged_whatever_they_are(paged: World, collection: str, by: str) -> None:
    instance_id, guest = paged.serving()
    for name in HOSTILE:
        guest.databases[name] = t.Database(name=name)
        guest.ensure_users((t.NewUser(name=name, password=Secret("x"), host="%.example.org"),))
    seen: list[str] = []
    answer = paged.ask("GET", f"/instances/{instance_id}/{collection}", params={"limit": 1})
    while True:
        seen += [row["name"] for row in answer.json[collection]]
        if (href := next_href(answer)) is None:
            break
        assert len(seen) < 2 * len(HOSTILE)
        query = urlsplit(href).query if by == "the link" else marker_of_troveclient(href) + "&limit=1"
        answer = paged.ask("GET", f"/instances/{instance_id}/{collection}", query_string=query)
    assert seen == sorted(HOSTILE)
