"""Requests that wait for silent agents: only so many at once, and the rest of the world goes on."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import falcon.testing
import pytest

from tests.awaiting import until
from tests.trove.api.world import World, make_world
from trove.api import calls
from trove.api.errors import Crowded
from trove.api.fake_guests import FakeGuest, FakeGuests
from trove.api.settings import Settings
from trove.db.store import Store

Answers = list[Future[falcon.testing.Result]]


@pytest.fixture
def shop(store: Store) -> World:
    """One that lets eight requests call guests: four of a project, three of these one guest."""
    return make_world(store, Settings(guest_calls=8))


@contextmanager
def waiting(world: World, path: str, count: int, guest: FakeGuest) -> Iterator[Answers]:
    """So many requests whose agent is silent as long as this lasts."""
    guest.answers.clear()
    with ThreadPoolExecutor(count) as threads:
        begun = [threads.submit(world.ask, "GET", path) for _ in range(count)]
        try:
            until(lambda: len(guest.deadlines) == count, 30, f"{count} requests wait", every=0.01)
            yield begun
        finally:
            guest.answers.set()
    assert [answer.result().status_code for answer in begun] == [200] * count


def refused(world: World) -> dict[str, float]:
    text = world.client.simulate_get("/metrics").text
    return {reason: float(line.split()[1]) for reason in ("guest", "project", "all") for line in text.splitlines()
            if line.startswith(f'trove_api_calls_refused_total{{reason="{reason}"}}')}


def test_threads_are_left_for_who_waits_for_nothing() -> None:
    """Whatever number of them an operator sets: half may wait for events besides."""
    left = {threads: threads - threads // 2 - calls.most(threads) for threads in range(1, 201)}
    assert min(left[threads] for threads in range(3, 201)) == 1 and left[40] == 4
    assert min(map(calls.most, left)) == 1


def test_what_is_over_a_silent_guests_share_is_refused_at_once_and_the_rest_is_served(shop: World) -> None:
    silent, guest = shop.serving()
    sound, _ = shop.serving()
    users = f"/instances/{silent}/users"
    with waiting(shop, users, 3, guest) as begun:
        answer = shop.ask("GET", users)
        assert answer.status_code == 413 and answer.headers["retry-after"] == str(Crowded.retry_after)
        assert "(3) wait for the agent" in answer.json["overLimit"]["message"]
        shown = shop.ask("GET", f"/instances/{silent}")
        assert shown.status_code == 200 and "used" not in shown.json["instance"]["volume"]
        assert shop.ask("POST", f"/instances/{silent}/root", {}).status_code == 413
        assert shop.ask("GET", f"/mgmt/instances/{silent}/rpc_ping").status_code == 413
        assert shop.ask("GET", "/instances").status_code == 200
        assert shop.ask("GET", f"/instances/{sound}/users").status_code == 200
        assert not any(each.done() for each in begun)
        assert len(guest.deadlines) == 3, "what was refused was not asked"
    assert shop.ask("GET", users).status_code == 200
    assert refused(shop) == {"guest": 4}


def test_a_project_whose_agents_are_silent_takes_no_place_of_another(shop: World) -> None:
    lab = replace(shop, project="of-the-lab")
    (one, first), (two, second), (sound, _) = shop.serving(), shop.serving(), lab.serving()
    with waiting(shop, f"/instances/{one}/users", 2, first), waiting(shop, f"/instances/{two}/users", 2, second):
        answer = shop.ask("GET", f"/instances/{two}/users")
        assert answer.status_code == 413 and "of this project as may (4)" in answer.json["overLimit"]["message"]
        assert lab.ask("GET", f"/instances/{sound}/users").status_code == 200
    assert refused(shop) == {"project": 1}


def test_all_projects_together_leave_what_is_not_theirs(store: Store) -> None:
    shop = make_world(store, Settings(guest_calls=3))
    lab = replace(shop, project="of-the-lab-too")
    (one, first), (two, second) = shop.serving(), lab.serving()
    with waiting(shop, f"/instances/{one}/users", 2, first), waiting(lab, f"/instances/{two}/users", 1, second):
        assert lab.ask("GET", f"/instances/{two}/users").status_code == 413
        assert lab.ask("GET", "/instances").status_code == shop.ask("GET", "/flavors").status_code == 200
    assert refused(shop) == {"all": 1}


def test_a_request_of_several_calls_keeps_its_place_between_them(store: Store) -> None:
    counted = calls.Calls(FakeGuests(), 1)
    with ExitStack() as request:
        counted.during(request, "i", "shop").list_logs()
        with pytest.raises(Crowded):
            counted.to("i", "shop").list_logs()
    counted.to("i", "shop").list_logs()
    world = make_world(store, Settings(guest_calls=1))
    instance_id, guest = world.serving()
    switched = world.ask("POST", f"/instances/{instance_id}/log", {"name": "general", "enable": 1})
    assert switched.status_code == 200 and len(guest.deadlines) == 3


def test_who_follows_a_log_takes_a_place_only_while_he_looks(store: Store) -> None:
    """He waits at another place (``trove.api.waits``)."""
    world = make_world(store, Settings(guest_calls=4))
    instance_id, guest = world.serving()
    with ThreadPoolExecutor(2) as threads:
        followers = [threads.submit(world.ask, "GET", f"/instances/{instance_id}/log/general",
                                    params={"after": "0", "wait": "20"}) for _ in range(2)]
        until(lambda: len(guest.deadlines) >= 2, 30, "both have looked", every=0.01)
        until(lambda: world.ask("GET", f"/instances/{instance_id}/users").status_code == 200, 10, "places are free")
        assert not any(follower.done() for follower in followers)
        guest.log_lines.append("at last\n")
    assert [follower.result().json["chunk"]["text"] for follower in followers] == ["at last\n"] * 2
