"""Events over REST: what they show, pages, and waiting for the next one without keeping others from being served."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import awaiting
from tests.trove import machines
from tests.trove.api.world import RULES, World, make_world
from trove.api import app, server, waits
from trove.api.fake_guests import FakeGuests
from trove.api.settings import Settings
from trove.bus.bell import Bell
from trove.cli.rest import Client
from trove.db.commands import Commands
from trove.db.store import Store

VIEW = {"id", "created", "kind", "instance_id", "instance_name", "operation_id", "request_id", "step", "from", "to",
        "sentence", "tenant_id"}


def listed(world: World, path: str = "/events", **query: object) -> list[dict[str, Any]]:
    answer = world.ask("GET", path, params=query)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json["events"]
    return rows


def test_an_event_shows_what_happened_to_which_instance_and_who_asked(world: World) -> None:
    instance_id = world.create()["id"]
    world.build(instance_id)
    asked, built = listed(world)
    assert set(asked) == set(built) == VIEW
    assert (asked["kind"], asked["sentence"], asked["from"]) == ("operation.asked", "A creation is asked for.", None)
    [operation] = world.ask("GET", f"/instances/{instance_id}/operations").json["operations"]
    assert asked["operation_id"] == operation["id"] and asked["request_id"].startswith("req-")
    assert (built["kind"], built["from"], built["to"]) == ("instance.status", "BUILD", "ACTIVE")
    assert (built["instance_id"], built["instance_name"]) == (instance_id, "one")
    assert built["id"] > asked["id"]


def test_pages_go_on_behind_the_last_id_and_keep_the_filters(store: Store) -> None:
    world = make_world(store, Settings(events_page_size=2))
    ids = [world.create()["id"] for _ in range(3)]
    for instance_id in ids:
        world.build(instance_id)
    world.ask("DELETE", f"/instances/{ids[1]}")
    answer = world.ask("GET", "/events", params={"instance": ids[1], "limit": 100, "since": "2001-01-01T00:00:00"})
    rows: list[dict[str, Any]] = answer.json["events"]
    while "links" in answer.json:
        parts = urlsplit(answer.json["links"][0]["href"])
        assert "instance=" in parts.query and "since=" in parts.query
        answer = world.client.simulate_get(f"{parts.path}?{parts.query}")
        rows += answer.json["events"]
    assert [row["kind"] for row in rows] == ["operation.asked", "instance.status", "instance.status",
                                             "operation.cancelled", "operation.asked"]
    assert [row["id"] for row in listed(world, f"/instances/{ids[1]}/events", after=rows[1]["id"])] == [
        row["id"] for row in rows[2:4]]
    assert listed(world, since="2999-01-01T00:00:00") == []


@pytest.mark.parametrize("query", [{"after": "-1"}, {"after": "x"}, {"after": "9" * 19}, {"limit": "0"},
                                   {"wait": "x"}, {"wait": "-1"}, {"wait": "nan"}, {"wait": "inf"},
                                   {"since": "yesterday"}])
def test_a_parameter_that_makes_no_sense_is_400(world: World, query: dict[str, str]) -> None:
    answer = world.ask("GET", "/events", params=query)
    assert answer.status_code == 400 and "badRequest" in answer.json


def test_events_of_another_project_are_not_there(world: World, store: Store) -> None:
    instance_id = world.create()["id"]
    other = make_world(store)
    assert listed(other) == []
    assert other.ask("GET", f"/instances/{instance_id}/events").status_code == 404
    assert other.ask("GET", "/events", params={"instance": instance_id}).status_code == 404


class Rung:
    """An API that is served in two threads, of which one may wait."""

    def __init__(self, store: Store) -> None:
        self.bell = Bell()
        self.looks = 0
        self.commands = Commands(store, RULES)
        page_events = self.commands.page_events

        def count(*args: Any, **options: Any) -> Any:
            self.looks += 1
            return page_events(*args, **options)

        self.commands.page_events = count  # type: ignore[method-assign]
        application = app.create_app(self.commands, FakeGuests(), machines.desk(store), Settings(waiting_requests=1),
                                     bell=self.bell)
        self.server = server.Server(application, "127.0.0.1", 0, threads=2)

    def client(self, world: World) -> Client:
        return Client(f"http://127.0.0.1:{self.server.port}", world.project)


@pytest.fixture
def rung(store: Store) -> Iterator[Rung]:
    made = Rung(store)
    store.on_events = made.bell.ring
    made.server.start()
    yield made
    made.bell.close()
    made.server.stop()
    store.on_events = lambda: None


def in_thread(ask: Callable[[], Any]) -> "Future[Any]":
    pool = ThreadPoolExecutor(1)
    answer = pool.submit(ask)
    pool.shutdown(wait=False)
    return answer


def test_who_waits_is_answered_when_something_happens_and_looks_only_then(world: World, rung: Rung) -> None:
    answer = in_thread(lambda: rung.client(world).get("/events", wait="30"))
    awaiting.until(lambda: rung.looks == 1, 30, "the request looks")
    with pytest.raises(TimeoutError):
        answer.result(0.2)
    assert rung.looks == 1, "it does not look again and again"
    world.create()
    assert [row["kind"] for row in answer.result(20)["events"]] == ["operation.asked"]
    assert rung.looks == 2


def test_what_happens_elsewhere_does_not_end_the_waiting(world: World, rung: Rung, store: Store) -> None:
    answer = in_thread(lambda: rung.client(world).get("/events", wait="0.5"))
    awaiting.until(lambda: rung.looks == 1, 30, "the request looks")
    make_world(store).create()
    assert answer.result(20) == {"events": []}


def test_who_finds_no_place_to_wait_is_answered_early_and_others_are_served(world: World, rung: Rung) -> None:
    both = {in_thread(lambda: rung.client(world).get("/events", wait="30")) for _ in range(2)}
    early, waiting = wait(both, 20, FIRST_COMPLETED)
    assert [each.result() for each in early] == [{"events": []}]
    assert rung.client(world).get("/instances") == {"instances": []}
    [first] = waiting
    assert not first.done()
    rung.bell.close()
    assert first.result(20) == {"events": []}, "the control plane ends: nobody waits any more"


def test_nobody_waits_longer_than_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "LONGEST", 0.05)
    looks: list[int] = []
    finder = threading.Thread(target=waits.Waits(Bell(), 1).until, args=(lambda: looks.append(1), bool, 1e9),
                              kwargs={"project": "p"})
    finder.start()
    finder.join(20)
    assert not finder.is_alive() and looks == [1]
