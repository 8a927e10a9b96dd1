"""HEAD, OPTIONS and methods that a path does not have, for every path that there is."""

import falcon
import pytest

from tests.trove.api.test_errors import fault
from tests.trove.api.world import World, make_world
from trove.api.description import declared
from trove.api.routes import ROUTES
from trove.db.store import Store

PARTS = {"instance_id": "i", "user": "u", "database": "d", "datastore": "mariadb", "version": "10.11", "flavor": "1",
         "operation_id": "o", "host": "h", "parameter": "max_connections", "configuration": "c", "log": "general",
         "token": "t", "owner": "p"}


@pytest.fixture(scope="module")
def world(store: Store) -> World:
    """One for all: nothing here is answered with what another test made."""
    return make_world(store)


def allowed(path: str) -> set[str]:
    methods = {method.upper() for method, _ in declared.handlers(ROUTES[path])}
    return methods | ({"HEAD"} if "GET" in methods else set())


@pytest.mark.parametrize("path", ROUTES)
def test_what_a_path_does_not_know_is_405_with_what_it_knows(world: World, path: str) -> None:
    where = path.format(project=world.project, **PARTS)
    for method in {*falcon.HTTP_METHODS, "TRACE"} - allowed(path) - {"OPTIONS", "CONNECT"}:
        answer = world.client.simulate_request(method, where)
        assert set(answer.headers["allow"].split(", ")) == allowed(path) | {"OPTIONS"}, method
        assert (answer.status_code, answer.text) == (405, "") if method == "HEAD" else fault(answer) == (
            405, "badMethod"), method


@pytest.mark.parametrize("path", ROUTES)
def test_options_tells_the_methods(world: World, path: str) -> None:
    answer = world.client.simulate_options(path.format(project=world.project, **PARTS))
    assert (answer.status_code, answer.text) == (200, "")
    assert set(answer.headers["allow"].split(", ")) == allowed(path)


@pytest.mark.parametrize("path", [path for path in ROUTES if "GET" in allowed(path) and path != "/metrics"])
def test_head_is_get_without_a_body(world: World, path: str) -> None:
    where = path.format(project=world.project, **PARTS)
    got, headed = world.client.simulate_get(where), world.client.simulate_head(where)
    assert (headed.status_code, headed.text) == (got.status_code, "")
    assert headed.headers["content-length"] == got.headers["content-length"]
    assert headed.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", ["/instances/a%00b", "/instances/i/users/a%00b", "/instances?marker=%00",
                                  "/operations?marker=a%00"])
def test_a_nul_character_is_400_and_never_reaches_a_store(world: World, path: str) -> None:
    answer = world.ask("GET", path)
    assert fault(answer) == (400, "badRequest") and "NUL" in answer.text
