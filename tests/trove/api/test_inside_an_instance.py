"""Databases, users, access and root: what the guest is asked, and what is refused before."""

import falcon.testing
import pytest

from common.contract import types as t
from common.contract.types import ServiceStatus
from common.errors import NotReady, Unreachable
from common.secret import Secret
from tests.trove.api.world import World
from trove.api.fake_guests import FakeGuest


class Inside:
    """An instance with databases shop and stock, and user anna who may use shop."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.id, self.guest = world.serving()
        self.guest.ensure_databases((t.Database(name="shop"), t.Database(name="stock")))
        self.guest.ensure_users((t.NewUser(name="anna", password=Secret("one"), databases=("shop",)),
                                 t.NewUser(name="anna", password=Secret("two"), host="10.0.0.1")))

    def ask(self, method: str, path: str, body: object = None) -> falcon.testing.Result:
        return self.world.ask(method, f"/instances/{self.id}{path}", body)


@pytest.fixture
def inside(world: World) -> Inside:
    return Inside(world)


def password(guest: FakeGuest, name: str, host: str = "%") -> str:
    return guest.accounts[name, host].password.reveal()


def test_databases_are_listed_created_and_deleted(inside: Inside) -> None:
    assert inside.ask("GET", "/databases").json == {"databases": [{"name": "shop"}, {"name": "stock"}]}
    wanted = {"name": "new", "character_set": "utf8mb4", "collate": "utf8mb4_general_ci"}
    answer = inside.ask("POST", "/databases", {"databases": [wanted]})
    assert (answer.status_code, answer.content) == (202, b"")
    assert inside.guest.databases["new"] == t.Database(**wanted)
    answer = inside.ask("DELETE", "/databases/stock")
    assert (answer.status_code, answer.content) == (202, b"")
    assert set(inside.guest.databases) == {"shop", "new"}


def test_users_are_listed_shown_created_and_deleted(inside: Inside) -> None:
    everywhere = {"name": "anna", "host": "%", "databases": [{"name": "shop"}]}
    here = {"name": "anna", "host": "10.0.0.1", "databases": []}
    assert inside.ask("GET", "/users").json == {"users": [everywhere, here]}
    assert inside.ask("GET", "/users/anna").json == {"user": everywhere}
    assert inside.ask("GET", "/users/anna@10%2e0%2e0%2e1").json == {"user": here}
    answer = inside.ask("POST", "/users", {"users": [
        {"name": "bert", "password": "pw-1", "databases": [{"name": "shop"}, {"name": "stock"}]}]})
    assert (answer.status_code, answer.content) == (202, b"")
    assert inside.guest.accounts["bert", "%"].databases == {"shop", "stock"}
    assert inside.ask("DELETE", "/users/bert").status_code == 202
    assert ("bert", "%") not in inside.guest.accounts


def test_attributes_change(inside: Inside) -> None:
    changes = {"name": "carl", "password": "pw-3", "host": "10.0.0.2"}
    answer = inside.ask("PUT", "/users/anna@10.0.0.1", {"user": changes})
    assert (answer.status_code, answer.content) == (202, b"")
    assert password(inside.guest, "carl", "10.0.0.2") == "pw-3"
    assert inside.ask("PUT", "/users/anna", {"user": {"password": "pw-4"}}).status_code == 202
    assert password(inside.guest, "anna") == "pw-4"


def test_passwords_change_all_or_none(inside: Inside) -> None:
    one, two = {"name": "anna", "password": "new-1"}, {"name": "anna", "host": "10.0.0.1", "password": "new-2"}
    gone = {"name": "gone", "password": "new-3"}
    assert inside.ask("PUT", "/users", {"users": [one, gone]}).status_code == 404
    assert password(inside.guest, "anna") == "one"
    assert inside.ask("PUT", "/users", {"users": [one, two]}).status_code == 202
    assert (password(inside.guest, "anna"), password(inside.guest, "anna", "10.0.0.1")) == ("new-1", "new-2")


def test_access_is_shown_granted_and_revoked(inside: Inside) -> None:
    assert inside.ask("GET", "/users/anna/databases").json == {"databases": [{"name": "shop"}]}
    answer = inside.ask("PUT", "/users/anna/databases", {"databases": [{"name": "stock"}]})
    assert (answer.status_code, answer.content) == (202, b"")
    assert inside.guest.accounts["anna", "%"].databases == {"shop", "stock"}
    assert inside.ask("DELETE", "/users/anna/databases/shop").status_code == 202
    assert inside.ask("GET", "/users/anna@%25/databases").json == {"databases": [{"name": "stock"}]}


NEW = {"password": "pw-1"}


@pytest.mark.parametrize(("method", "path", "body", "code", "words"), [
    ("POST", "/databases", {"databases": []}, 400, "$.databases"),
    ("POST", "/databases", {"databases": [{"name": "shop"}]}, 400, "already"),
    ("POST", "/databases", {"databases": [{"name": "x1"}, {"name": "x1"}]}, 400, "twice"),
    ("POST", "/databases", {"databases": [{"name": "mysql"}]}, 400, "mysql"),
    ("POST", "/databases", {"databases": [{"name": "x" * 65}]}, 400, ""),
    ("DELETE", "/databases/gone", None, 404, "gone"),
    ("DELETE", "/databases/mysql", None, 400, "reserved"),
    ("GET", "/databases/shop", None, 501, "List the databases"),
    ("POST", "/users", {"users": []}, 400, "$.users"),
    ("POST", "/users", {"users": [{"name": "anna"} | NEW]}, 400, "anna@% already"),
    ("POST", "/users", {"users": [{"name": "anna", "host": "10.0.0.1"} | NEW]}, 400, "anna@10.0.0.1 already"),
    ("POST", "/users", {"users": [{"name": "new"} | NEW, {"name": "new"} | NEW]}, 400, "twice"),
    ("POST", "/users", {"users": [{"name": "root"} | NEW]}, 400, "root"),
    ("POST", "/users", {"users": [{"name": "new", "databases": [{"name": "gone"}]} | NEW]}, 400, "no database gone"),
    ("POST", "/users", {"users": [{"name": "new", "databases": [{"name": "shop"}] * 2} | NEW]}, 400, "twice"),
    ("POST", "/users", {"users": [{"name": "new"}]}, 400, "password"),
    ("POST", "/users", {"users": [{"name": "new", "host": "a b"} | NEW]}, 400, "host"),
    ("POST", "/users", {"users": [{"name": "new", "host": ""} | NEW]}, 400, "host"),
    ("PUT", "/users", {"users": [{"name": "root"} | NEW]}, 400, "reserved"),
    ("GET", "/users/gone", None, 404, "gone"),
    ("GET", "/users/anna@10.0.0.9", None, 404, "anna"),
    ("GET", "/users/root", None, 400, "reserved"),
    ("GET", "/users/root@localhost", None, 400, "reserved"),
    ("DELETE", "/users/gone", None, 404, "gone"),
    ("DELETE", "/users/root", None, 400, "reserved"),
    ("PUT", "/users/anna", {"user": {}}, 400, "Nothing is to change"),
    ("PUT", "/users/gone", {"user": NEW}, 404, "gone"),
    ("PUT", "/users/anna", {"user": {"host": "10.0.0.1"}}, 400, "already"),
    ("PUT", "/users/anna", {"user": {"name": "root"}}, 400, "reserved"),
    ("PUT", "/users/root", {"user": NEW}, 400, "reserved"),
    ("GET", "/users/gone/databases", None, 404, "gone"),
    ("PUT", "/users/gone/databases", {"databases": [{"name": "shop"}]}, 404, "gone"),
    ("PUT", "/users/anna/databases", {"databases": [{"name": "gone"}]}, 404, "gone"),
    ("PUT", "/users/anna/databases", {"databases": [{"name": "mysql"}]}, 400, "reserved"),
    ("PUT", "/users/anna/databases", {"databases": []}, 400, "$.databases"),
    ("DELETE", "/users/anna/databases/stock", None, 404, "stock"),
    ("DELETE", "/users/gone/databases/shop", None, 404, "gone"),
    ("POST", "/root", {"password": ""}, 400, "password"),
    ("DELETE", "/root", None, 404, "never enabled"),
])
def test_refuses(inside: Inside, method: str, path: str, body: object, code: int, words: str) -> None:
    before = (dict(inside.guest.databases), set(inside.guest.accounts))
    answer = inside.ask(method, path, body)
    [error] = answer.json.values()
    assert (answer.status_code, error["code"]) == (code, code), answer.text
    assert words in error["message"]
    assert (inside.guest.databases, set(inside.guest.accounts)) == before


def test_root_is_opened_and_closed(inside: Inside) -> None:
    assert inside.ask("GET", "/root").json == {"rootEnabled": False}
    answer = inside.ask("POST", "/root")
    assert answer.status_code == 200 and inside.guest.root_password is not None
    assert answer.json == {"user": {"name": "root", "password": inside.guest.root_password.reveal()}}
    assert inside.ask("GET", "/root").json == {"rootEnabled": True}
    answer = inside.ask("DELETE", "/root")
    assert (answer.status_code, answer.content) == (204, b"")
    assert inside.guest.root_password is None
    assert inside.ask("GET", "/root").json == {"rootEnabled": False}
    assert inside.ask("DELETE", "/root").status_code == 204


def test_root_takes_a_password(inside: Inside) -> None:
    answer = inside.ask("POST", "/root", {"password": "asked-4-this"})
    assert answer.json == {"user": {"name": "root", "password": "asked-4-this"}}


def test_root_is_on_record_when_nobody_can_tell_whether_it_was_opened(inside: Inside) -> None:
    inside.guest.failure = NotReady("The server is down.")
    assert inside.ask("POST", "/root").status_code == 422
    assert inside.ask("GET", "/root").json == {"rootEnabled": False}
    inside.guest.failure = Unreachable("The guest does not answer.")
    assert inside.ask("POST", "/root").status_code == 503
    assert inside.ask("GET", "/root").json == {"rootEnabled": True}


@pytest.mark.parametrize(("method", "path", "body"), [
    ("GET", "/databases", None),
    ("POST", "/databases", {"databases": [{"name": "x1"}]}),
    ("DELETE", "/databases/x", None),
    ("GET", "/users", None),
    ("POST", "/users", {"users": [{"name": "x1"} | NEW]}),
    ("PUT", "/users", {"users": [{"name": "x1"} | NEW]}),
    ("GET", "/users/x", None),
    ("PUT", "/users/x", {"user": NEW}),
    ("DELETE", "/users/x", None),
    ("GET", "/users/x/databases", None),
    ("PUT", "/users/x/databases", {"databases": [{"name": "x1"}]}),
    ("DELETE", "/users/x/databases/y", None),
    ("POST", "/root", None),
    ("DELETE", "/root", None),
])
def test_an_instance_that_does_not_serve_is_422(world: World, method: str, path: str, body: object) -> None:
    building, lost, down = (world.create(name)["id"] for name in ("building", "lost", "down"))
    for instance_id, status, age in ((lost, ServiceStatus.HEALTHY, 120.0), (down, ServiceStatus.SHUTDOWN, 0.0)):
        world.build(instance_id)
        world.observe(instance_id, status, age)
    for instance_id in (building, lost, down):
        answer = world.ask(method, f"/instances/{instance_id}{path}", body)
        assert answer.status_code == 422 and "is not ready" in answer.json["unprocessableEntity"]["message"]
        assert world.guests.of(instance_id).deadlines == []


def test_nobody_is_told_to_wait_for_what_does_not_come(world: World) -> None:
    def remedy(instance_id: str) -> str:
        answer = world.ask("GET", f"/instances/{instance_id}/users")
        assert answer.status_code == 422
        return str(answer.json["unprocessableEntity"]["message"])

    failed, silent, building = (world.create(name=name)["id"] for name in ("failed", "silent", "building"))
    world.fail(failed, "The disk is full.", "create")
    world.build(silent)
    world.observe(silent, ServiceStatus.HEALTHY, age=100)
    assert remedy(failed).endswith("Its fault says why: show the instance.")
    assert remedy(silent).endswith("look at the agent's log.")
    assert remedy(building).endswith("Wait until it is ACTIVE and HEALTHY.")


def test_an_instance_is_looked_into_by_a_name_that_it_alone_has(inside: Inside) -> None:
    world, users = inside.world, "/instances/one/users"
    by_id = inside.ask("GET", "/users").json
    assert world.ask("GET", users).json == by_id
    assert world.ask("POST", users, {"users": [{"name": "bert", "password": "x"}]}).status_code == 404
    assert world.ask("DELETE", f"{users}/anna").status_code == 404
    another = world.create("one")["id"]
    assert world.ask("GET", users).status_code == 404
    world.create(inside.id)
    assert inside.ask("GET", "/users").json == by_id
    world.ask("DELETE", f"/instances/{another}")


def test_a_database_whose_name_a_client_did_not_encode_is_not_mistaken_for_another(inside: Inside) -> None:
    refused = inside.ask("DELETE", "/databases/shop?old")
    assert refused.status_code == 400 and "%3F" in refused.text and "shop" in inside.guest.databases
