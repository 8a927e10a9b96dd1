"""Reports that are sealed as they should be and say what no agent says: refused, or made plain."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from common.contract import types as t
from common.errors import Invalid
from tests.trove.world import World
from trove.conductor import plausible

HUGE = 2**63


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def stamp(**changes: int) -> t.Stamp:
    return t.Stamp(**({"key_epoch": 1, "boot_count": 1, "sequence": 1} | changes))


def heartbeat(**changes: Any) -> t.Heartbeat:
    return t.Heartbeat(**({"stamp": stamp(), "status": t.ServiceStatus.HEALTHY, "sentence": "All is well.",
                           "sent_at": time.time()} | changes))


def volume(**changes: int) -> t.FilesystemStats:
    return t.FilesystemStats(**({"total": 10, "used": 5, "free": 5} | changes))


def hello(**changes: Any) -> t.Hello:
    said = {"instance_id": "i", "agent_version": "1", "contract_version": "1.0", "datastore": "fake",
            "datastore_version": "1", "capabilities": ("users",), "incarnation": "x"}
    return t.Hello(stamp=stamp(), agent=t.AgentInfo(**(said | changes)))


def result(**changes: Any) -> t.Result:
    return t.Result(**({"stamp": stamp(), "operation_id": "o.prepare", "state": t.OperationState.DONE} | changes))


ABSURD: dict[str, Any] = {
    "a sequence beyond all columns": heartbeat(stamp=stamp(sequence=HUGE)),
    "a sequence below nought": heartbeat(stamp=stamp(sequence=-1)),
    "more lives than there are": heartbeat(stamp=stamp(boot_count=2**31)),
    "keys that nobody has": heartbeat(stamp=stamp(key_epoch=10**400)),
    "a volume beyond all columns": heartbeat(volume=volume(total=HUGE)),
    "a volume below nought": heartbeat(volume=volume(used=-1)),
    "a clock of another age": heartbeat(sent_at=1e300),
    "a start of another age": heartbeat(server_started_at=-1e300),
    "a list of settings without end": heartbeat(waiting=("a",) * 501),
    "a setting that steers a terminal": heartbeat(waiting=("\x1b[2J",)),
    "a million capabilities": hello(capabilities=tuple(map(str, range(10**6)))),
    "a capability of a megabyte": hello(capabilities=("x" * 10**6,)),
    "a version of two lines": hello(agent_version="1\n2"),
    "a version with the end of a string": hello(contract_version="1.0\x00"),
    "a release of a megabyte": hello(release="f" * 10**6),
    "a result that says it goes on": result(state=t.OperationState.RUNNING),
    "a success that failed": result(failure=t.Failure(code="internal", message="")),
    "a failure without a reason": result(state=t.OperationState.FAILED),
    "an order of a megabyte": t.Progress(stamp=stamp(), operation_id="x" * 10**6, sentence=""),
}


@pytest.mark.parametrize("what", ABSURD)
def test_what_no_agent_says_is_refused_and_not_repeated(world: World, what: str) -> None:
    instance_id = world.create().instance_id
    before = world.instance(instance_id)
    method = type(ABSURD[what]).__name__.lower()
    with pytest.raises(Invalid) as refused:
        world.report(instance_id, method, ABSURD[what])
    assert len(refused.value.sentence()) < 100 and refused.value.sentence().isprintable()
    assert world.instance(instance_id) == before


def test_words_are_made_plain_and_cut(world: World) -> None:
    instance_id = world.create().instance_id
    hostile = "<script>alert(1)</script>\x1b[2J\x00\n" + "x" * 10**6
    world.report(instance_id, "heartbeat", heartbeat(sentence=hostile, drift=(t.Drift(sentence=hostile),) * 1000))
    kept = world.instance(instance_id).observed.sentence
    assert len(kept) <= 2000 and kept.isprintable() and kept.startswith("<script>alert(1)</script>\\x1b[2J\\x00 xx")


def test_a_clock_a_hundred_years_ahead_is_a_clock(world: World) -> None:
    instance_id = world.create().instance_id
    ahead = time.time() + 100 * 365.25 * 86400
    world.report(instance_id, "heartbeat", heartbeat(sent_at=ahead, server_started_at=ahead))
    assert world.instance(instance_id).observed.clock_skew == pytest.approx(100 * 365.25 * 86400, abs=60)


@pytest.mark.parametrize("said", [heartbeat(), hello(), result(), result(
    state=t.OperationState.FAILED, failure=t.Failure(code="no_space", message="It is full.", hint="Grow it."))])
def test_what_agents_say_is_as_they_said_it(said: Any) -> None:
    assert plausible.told({"said": said}) == {"said": said}
    assert msgspec.json.encode(plausible.told({"said": said})["said"]) == msgspec.json.encode(said)
