"""The shape of errors, and the codes of what no handler sees."""

import re

import falcon.testing
import pytest

from common import errors
from tests.trove.api.world import World
from trove.api import bodies
from trove.api import errors as faults

REQUEST_ID = r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def fault(answer: falcon.testing.Result) -> tuple[int, str]:
    """The code and the fault's name; checks that the body says the code too, and a sentence."""
    [(name, error)] = answer.json.items()
    assert error["code"] == answer.status_code and error["message"]
    assert answer.headers["content-type"] == "application/json"
    assert re.fullmatch(REQUEST_ID, answer.headers["x-openstack-request-id"])
    return answer.status_code, name


def test_an_unknown_path_is_404(world: World) -> None:
    for path in ("/", "/nothing", "/instances/x/nothing", "/clusters", "/modules"):
        assert fault(world.ask("GET", path)) == (404, "itemNotFound")
    assert fault(world.client.simulate_get("/v2.0/demo/instances")) == (404, "itemNotFound")


def test_a_wrong_method_is_405(world: World) -> None:
    answer = world.ask("PUT", "/instances")
    assert fault(answer) == (405, "badMethod") and "POST" in answer.headers["allow"]
    assert fault(world.ask("POST", "/instances/detail")) == (405, "badMethod")


@pytest.mark.parametrize(("accept", "code"), [
    ("application/vnd.openstack.trove;version=1.0", 200),
    ("application/vnd.openstack.trove+json; version=1.0", 200),
    ("application/json", 200),
    ("*/*", 200),
    ("text/html", 200),
    ("application/vnd.openstack.trove;version=2.0", 406),
    ("text/html, application/vnd.openstack.trove;q=0.5;version=1.1", 406),
])
def test_accept_chooses_the_version(world: World, accept: str, code: int) -> None:
    answer = world.ask("GET", "/instances", headers={"Accept": accept})
    assert answer.status_code == code
    assert code == 200 or fault(answer) == (406, "notAcceptable")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "application/x-www-form-urlencoded"])
def test_another_content_type_is_415(world: World, content_type: str) -> None:
    answer = world.client.simulate_post(f"/v1.0/{world.project}/instances", body="{}",
                                        headers={"Content-Type": content_type})
    assert fault(answer) == (415, "badMediaType")


@pytest.mark.parametrize("body", ["", "{", "null", "[]", '"x"', "{}", '{"instance": {"name": "\ud800"}}',
                                  "[" * 100_000])
def test_a_body_that_is_no_creation_is_400(world: World, body: str) -> None:
    answer = world.client.simulate_post(f"/v1.0/{world.project}/instances", body=body.encode("utf-8", "surrogatepass"),
                                        headers={"Content-Type": "application/json; charset=utf-8"})
    assert fault(answer) == (400, "badRequest")


@pytest.mark.parametrize(("members", "words"), [
    ({"name": "---"}, "a text with at least one letter or digit of ASCII and without control characters"),
    ({"volume": {"size": "many"}}, "a whole number of 1 or more"),
    ({"replica_of": "x"}, "an id such as 8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"),
    ({"users": [{"name": "anna", "password": "p", "host": "a b"}]}, "a host without blanks"),
    ({"access": {"allowed_cidrs": ["x"]}}, "an IPv4 address or network such as 192.0.2.0/24"),
    ({"nics": [{"ip_address": "x"}]}, "an IPv4 address"),
    ({"name": 5}, "a text, got a whole number"),
    ({"name": ""}, "a text of length >= 1"),
    ({"flavorRef": []}, "a whole number or a text or null, got a list"),
    ({"users": [{"name": "anna", "password": 5}]}, "a text, got a whole number"),
    ({"databases": {}}, "a list, got an object"),
])
def test_what_is_expected_is_said_in_words(world: World, members: dict[str, object], words: str) -> None:
    answer = world.ask("POST", "/instances", {"instance": {"name": "one", "flavorRef": "1"} | members})
    assert fault(answer) == (400, "badRequest")
    message = answer.json["badRequest"]["message"]
    assert f"Expected {words}" in message and "at `$.instance." in message and "regex" not in message


def test_a_wrong_path_is_told_what_there_is(world: World) -> None:
    answer = world.client.simulate_get("/v1.0/instances")
    assert fault(answer) == (404, "itemNotFound") and "/v1.0/<project>" in answer.text


def test_a_large_body_is_413(world: World) -> None:
    answer = world.client.simulate_post(f"/v1.0/{world.project}/instances", body=b" " * (bodies.MAX_BYTES + 1),
                                        headers={"Content-Type": "application/json"})
    assert fault(answer) == (413, "overLimit")


@pytest.mark.parametrize(("path", "code"), [
    ("/v1.0/a%20b/instances", 400),
    ("/v1.0/%2e%2e/instances", 400),
    ("/v1.0/" + "p" * 256 + "/instances", 400),
    ("/v1.0/a%00b/instances", 400),
    ("/v1.0/demo/instances/%ff", 400),
    ("/v1.0//instances", 400),
])
def test_paths_that_name_nothing(world: World, path: str, code: int) -> None:
    assert fault(world.client.simulate_get(path))[0] == code


@pytest.mark.parametrize(("kind", "code", "name"), [
    (errors.Invalid, 400, "badRequest"),
    (errors.Refused, 400, "badRequest"),
    (errors.Exists, 400, "badRequest"),
    (errors.NotFound, 404, "itemNotFound"),
    (errors.OverQuota, 413, "overLimit"),
    (errors.Conflict, 422, "unprocessableEntity"),
    (errors.Busy, 422, "unprocessableEntity"),
    (errors.NotReady, 422, "unprocessableEntity"),
    (errors.NoSpace, 422, "unprocessableEntity"),
    (errors.Cancelled, 422, "unprocessableEntity"),
    (errors.Unsupported, 501, "notImplemented"),
    (errors.TooOld, 501, "notImplemented"),
    (errors.Unreachable, 503, "serviceUnavailable"),
    (errors.DeadlinePassed, 503, "serviceUnavailable"),
    (errors.Stale, 503, "serviceUnavailable"),
    (errors.EngineFailed, 500, "serverError"),
    (errors.HostFailed, 500, "serverError"),
])
def test_what_a_guest_answers_is_told_with_its_remedy(world: World, kind: type[errors.TroveError], code: int,
                                                      name: str) -> None:
    instance_id, guest = world.serving()
    guest.failure = kind("It went wrong.", "Do it better.")
    answer = world.ask("GET", f"/instances/{instance_id}/users")
    assert fault(answer) == (code, name)
    assert answer.json[name]["message"] == "It went wrong. Do it better."


def test_every_error_of_the_contract_has_a_code() -> None:
    assert {kind for kind in faults.STATUS if kind.__module__ == errors.__name__} == set(errors.BY_CODE.values())


@pytest.mark.parametrize("kind", [errors.Internal, ZeroDivisionError])
def test_a_defect_is_told_by_an_id_that_the_log_has(world: World, kind: type[Exception],
                                                    caplog: pytest.LogCaptureFixture) -> None:
    instance_id, guest = world.serving()
    guest.failure = kind("the secret inside")  # type: ignore[assignment]
    answer = world.ask("GET", f"/instances/{instance_id}/users")
    assert fault(answer) == (500, "instanceFault") and "the secret inside" not in answer.text
    [mark] = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.text)
    [record] = [record for record in caplog.records if mark in record.getMessage()]
    assert record.exc_info is not None
