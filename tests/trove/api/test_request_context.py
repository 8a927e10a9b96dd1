"""The request id: one a request, in the answer, in the log and in what the request causes."""

import logging

import pytest

from common.contract import declare, guest
from common.openstack import context
from tests.trove.api.world import World
from trove.api.fake_guests import FakeGuest


class Listening(logging.Handler):
    """Notes the request context in which each record was made."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[context.RequestContext, str, dict[str, object]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append((context.current(), record.levelname, vars(record)["trove_fields"]))


@pytest.fixture
def listening(request: pytest.FixtureRequest) -> Listening:
    handler, log = Listening(), logging.getLogger("trove.api")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    request.addfinalizer(lambda: log.removeHandler(handler))
    request.addfinalizer(lambda: log.setLevel(logging.NOTSET))
    return handler


def test_the_answer_the_log_and_the_operation_carry_one_id(world: World, listening: Listening) -> None:
    answer = world.ask("POST", "/instances", {"instance": {"name": "one", "flavorRef": 1, "volume": {"size": 1}}})
    request_id = answer.headers["x-openstack-request-id"]
    [operation] = world.commands.list_operations(world.project, answer.json["instance"]["id"])
    assert operation.request_id == request_id
    [(bound, level, fields)] = listening.heard
    assert (bound.request_id, bound.project_id, bound.is_admin) == (request_id, world.project, True)
    assert isinstance(fields.pop("ms"), float)
    assert (level, fields) == ("INFO", {"method": "POST", "route": "/v1.0/{project}/instances", "status": 200,
                                        "path": f"/v1.0/{world.project}/instances"})


@pytest.mark.parametrize(("method", "path", "level", "route"), [
    ("GET", "/flavors", "DEBUG", "/v1.0/{project}/flavors"),
    ("GET", "/flavors/99", "INFO", "/v1.0/{project}/flavors/{flavor}"),
    ("GET", "/nothing", "INFO", "none"),
    ("DELETE", "/flavors", "INFO", "/v1.0/{project}/flavors"),
])
def test_a_request_is_one_line_and_a_look_that_succeeds_is_for_debugging(
        world: World, listening: Listening, method: str, path: str, level: str, route: str) -> None:
    world.ask(method, path)
    [(_, heard, fields)] = listening.heard
    assert (heard, fields["route"]) == (level, route)


GIVEN = "req-01234567-89ab-4cde-8f01-23456789abcd"


def test_the_id_that_a_request_brings_is_kept(world: World, listening: Listening) -> None:
    answer = world.ask("POST", "/instances", {"instance": {"name": "one", "flavorRef": 1, "volume": {"size": 1}}},
                       headers={"X-OpenStack-Request-ID": GIVEN})
    [operation] = world.commands.list_operations(world.project, answer.json["instance"]["id"])
    assert answer.headers["x-openstack-request-id"] == operation.request_id == GIVEN
    assert {bound.request_id for bound, *_ in listening.heard} == {GIVEN}


@pytest.mark.parametrize("given", ["", "7", GIVEN[4:], GIVEN.upper(), f"{GIVEN} x", GIVEN * 2, "req-" + "z" * 36])
def test_an_id_of_another_form_is_not_kept(world: World, given: str) -> None:
    answer = world.ask("GET", "/flavors", headers={"X-OpenStack-Request-ID": given})
    assert answer.headers["x-openstack-request-id"] not in (given, GIVEN)


def test_nothing_of_a_request_is_left_behind(world: World) -> None:
    ids = {world.ask("GET", path).headers["x-openstack-request-id"] for path in ("/flavors", "/nothing", "/flavors/99")}
    assert len(ids) == 3 and context.current() == context.NOBODY


def test_claimed_identity_changes_nothing(world: World) -> None:
    instance_id = world.create()["id"]
    claimed = {"X-Project-Id": "other", "X-User-Id": "root", "X-Roles": "reader", "X-Identity-Status": "Invalid"}
    view = world.ask("GET", f"/instances/{instance_id}", headers=claimed).json["instance"]
    assert view["tenant_id"] == world.project


def test_the_fake_guest_takes_what_the_contract_says() -> None:
    contract = declare.methods(guest.Guest)
    for name, function in vars(FakeGuest).items():
        if name.startswith("_"):
            continue
        arguments = list(function.__annotations__)
        assert [each for each in arguments if each not in ("options", "return")] == list(contract[name].arguments)
