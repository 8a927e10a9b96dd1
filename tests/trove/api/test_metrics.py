"""``/metrics``: what it shows of a store and of what happened, to whom, and at what price."""

import time
from collections.abc import Iterator
from pathlib import Path

import falcon.testing
import pytest
import sqlalchemy
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from common.contract import types as t
from tests.trove import machines
from tests.trove.api.world import World, make_store, make_world
from trove.db import spots
from trove.domain.hosts import HostState
from trove.domain.placement import RESERVE_MB
from trove.domain.spots import Spot
from trove.metrics import declared, sources


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store of its own: the figures are of everything in it."""
    store = make_store(tmp_path)
    made = make_world(store)
    made.figures.read_from(sources.store(store, time.time))
    yield made
    store.close()


def scrape(world: World, **options: object) -> falcon.testing.Result:
    return world.client.simulate_get("/metrics", **options)


def samples(world: World) -> dict[tuple[str, ...], float]:
    """Value by name and label values, in the order of the labels' names."""
    answer = scrape(world)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/openmetrics-text")
    return {(sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.text) for sample in family.samples}


def test_instances_and_their_heartbeats(world: World) -> None:
    world.serving()
    silent, _ = world.serving()
    world.create()
    with world.store.write() as connection:
        connection.execute(sqlalchemy.text("UPDATE instances SET observed_at = observed_at - 1000 WHERE id = :id"),
                           {"id": silent})
    seen = samples(world)
    assert {key: value for key, value in seen.items() if key[0] == "trove_instances"} == {
        ("trove_instances", "HEALTHY", "ACTIVE"): 1, ("trove_instances", "ERROR", "ACTIVE"): 1,
        ("trove_instances", "none", "BUILD"): 1}
    assert seen["trove_heartbeats_stale",] == 1
    assert 1000 <= seen["trove_heartbeat_oldest_seconds",] < 1100


def test_hosts_by_state_and_what_is_free_of_them(world: World) -> None:
    for name in ("a", "b", "c", "burnt", "never"):
        world.machines.down = {"never.example"}
        world.desk.add(machines.host(name))
    world.desk.set_state("b", HostState.DRAINING)
    world.machines.down.add("burnt.example")
    world.desk.check("burnt")
    world.desk.lose("burnt")
    world.machines.down.add("c.example")
    world.desk.check("c")
    instance_id = world.create()["id"]
    with world.store.write() as connection:
        spots.store(connection, instance_id, Spot("a", "192.0.2.1", 3306))
    seen = samples(world)
    assert {key[1]: value for key, value in seen.items() if key[0] == "trove_hosts"} == {
        "active": 1, "draining": 1, "lost": 1, "ill": 2}
    free = {key[1]: value for key, value in seen.items() if key[0] == "trove_host_memory_free_bytes"}
    whole = (machines.FACTS.memory_mb - RESERVE_MB) << 20
    assert free == {"a": whole - (512 << 20), "b": whole, "c": whole, "burnt": whole}


def test_operations_under_way_and_past_their_deadline(world: World) -> None:
    for _ in range(3):
        world.create()
    with world.store.write() as connection:
        connection.execute(sqlalchemy.text("UPDATE operations SET step = 'place', deadline = 1 WHERE id ="
                                           " (SELECT min(id) FROM operations)"))
    seen = samples(world)
    assert seen["trove_operations_under_way", "create", "none"] == 2
    assert seen["trove_operations_under_way", "create", "place"] == 1
    assert seen["trove_operations_late",] == 1


def test_an_operation_that_ended(world: World) -> None:
    world.figures.operation_ended("create", "prepare", "failed", 7.0)
    seen = samples(world)
    assert seen["trove_operations_ended_total", "create", "failed", "prepare"] == 1
    assert seen["trove_operation_duration_seconds_bucket", "create", "5.0"] == 0
    assert seen["trove_operation_duration_seconds_bucket", "create", "10.0"] == 1


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
def test_requests_by_route_and_not_by_path(world: World) -> None:
    for flavor in ("98", "99"):
        world.ask("GET", f"/flavors/{flavor}")
    world.client.simulate_request("BREW", "/v1.0/p/flavors")
    world.ask("GET", "/nothing")
    seen = {key[1:]: value for key, value in samples(world).items()
            if key[0] == "trove_http_request_duration_seconds_count"}
    assert seen["GET", "/v1.0/{project}/flavors/{flavor}", "404"] == 2
    assert seen["GET", "none", "404"] == 1
    assert {key[0] for key in seen} == {"GET", "other"}


def test_what_is_read_from_the_store_costs_the_same_for_many(world: World) -> None:
    asked: list[str] = []
    world.desk.add(machines.host("a"))
    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", listener := (
        lambda _connection, _cursor, statement, *_rest: asked.append(statement)))
    try:
        counts = []
        for turn in range(2):
            asked.clear()
            scrape(world)
            counts.append(len([statement for statement in asked if statement.startswith("SELECT")]))
            for number in range(5):
                world.create()
                world.desk.add(machines.host(f"h{turn}{number}"))
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", listener)
    assert counts == [4, 4]


@pytest.mark.parametrize("options", [
    {"extras": {"REMOTE_ADDR": "192.0.2.1"}}, {"headers": {"X-Forwarded-For": "127.0.0.1"}},
    {"extras": {"REMOTE_ADDR": "not an address"}},
])
def test_it_is_not_there_for_others(world: World, options: dict[str, object]) -> None:
    assert scrape(world, **options).status_code == 404


def test_it_is_no_projects(world: World) -> None:
    assert world.ask("GET", "/metrics").status_code == 404


def test_counters_of_the_bus_and_the_build(world: World) -> None:
    world.figures.read_from(sources.reasons(declared.REPORTS_DROPPED, {"unopened": 3}))
    world.figures.read_from(sources.value(declared.BUS_CONNECTED, lambda: True))
    world.figures.read_from(sources.build("abc", "1.0"))
    seen = samples(world)
    assert seen["trove_bus_reports_dropped_total", "unopened"] == 3
    assert seen["trove_bus_connected",] == 1
    assert seen["trove_build_info", "abc", "1.0"] == 1


def test_every_source_speaks_of_a_declared_metric(world: World) -> None:
    world.observe(world.create()["id"], t.ServiceStatus.HEALTHY)
    world.desk.add(machines.host("a"))
    looked = {metric for metric, _, _ in sources.store(world.store, time.time)()}
    assert looked == {metric for metric in declared.METRICS if metric.origin is declared.Origin.STORE}
