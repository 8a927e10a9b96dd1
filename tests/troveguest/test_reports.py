"""Reports: observations are dropped while the bus is down, results wait, and stamps only grow."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw

from common.contract import types as t
from common.errors import Unreachable
from troveguest.journal import Accepted, Journal
from troveguest.reports import SETTLING, Observation, Reports

AGENT = t.AgentInfo(instance_id="i", agent_version="1", contract_version="1.0", datastore="fake", datastore_version="1",
                    capabilities=(), incarnation="abc")
SEEN = Observation(status=t.ServiceStatus.HEALTHY, sentence="It answers.", server_started_at=5.0)


class Conductor:
    """Stands for ``troveguest.bus.client.ConductorClient``."""

    def __init__(self) -> None:
        self.down = False
        self.got: list[object] = []

    def hello(self, *, hello: t.Hello, timeout: float = 10.0) -> None:
        self._take(hello)

    def heartbeat(self, *, heartbeat: t.Heartbeat, timeout: float = 10.0) -> None:
        assert timeout == SETTLING, "an observation waits for a connection that is just being made, and no longer"
        self._take(heartbeat)

    def progress(self, *, progress: t.Progress, timeout: float = 10.0) -> None:
        assert timeout == 0.0, "progress waits for nothing"
        self._take(progress)

    def result(self, *, result: t.Result, timeout: float = 10.0) -> None:
        self._take(result)

    def _take(self, report: object) -> None:
        if self.down:
            raise Unreachable("There is no connection to the broker.")
        self.got.append(report)

    def kinds(self) -> list[str]:
        return [type(report).__name__ for report in self.got]


@pytest.fixture
def conductor() -> Conductor:
    return Conductor()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path)
    yield made
    made.close()


def _reports(conductor: Conductor, journal: Journal, seen: Observation | None = SEEN) -> Reports:
    return Reports(conductor, AGENT, journal, 7, lambda: seen, lambda: None)  # type: ignore[arg-type]


def _end(journal: Journal, operation_id: str) -> None:
    journal.accept(Accepted(
        operation_id=operation_id, method="restart", arguments=Raw(b"{}"), accepted_at=0, deadline=0))
    journal.end(operation_id, None)


def test_the_beginning_is_said_once_and_before_any_result(conductor: Conductor, journal: Journal) -> None:
    _end(journal, "one")
    reports = _reports(conductor, journal)
    assert reports.deliver() is None
    assert reports.deliver() is None
    assert conductor.kinds() == ["Hello", "Result"]
    assert journal.undelivered() == []


def test_results_wait_for_the_broker_and_observations_do_not(conductor: Conductor, journal: Journal) -> None:
    reports = _reports(conductor, journal)
    _end(journal, "one")
    conductor.down = True
    pauses = [reports.deliver() for _ in range(10)]
    reports.heartbeat()
    reports.progress("one", "Half-way.", 50.0)
    assert pauses[0] == 1.0 and pauses[-1] == 30.0
    _end(journal, "two")
    conductor.down = False
    assert reports.deliver() is None
    results = [report.operation_id for report in conductor.got if isinstance(report, t.Result)]
    assert conductor.kinds()[0] == "Hello" and results == ["one", "two"]
    assert "Heartbeat" not in conductor.kinds() and "Progress" not in conductor.kinds()


def test_a_result_that_was_not_confirmed_is_told_again_by_the_next_life(tmp_path: Path, conductor: Conductor) -> None:
    journal = Journal(tmp_path)
    _end(journal, "one")
    conductor.down = True
    _reports(conductor, journal).deliver()
    journal.close()
    conductor.down = False
    journal = Journal(tmp_path)
    _reports(conductor, journal).deliver()
    journal.close()
    assert conductor.kinds() == ["Hello", "Result"]


def test_stamps_grow_over_reports_and_lives(tmp_path: Path, conductor: Conductor) -> None:
    for _ in range(2):
        journal = Journal(tmp_path)
        reports = _reports(conductor, journal)
        reports.deliver()
        reports.heartbeat()
        reports.progress("one", "Half-way.", 50.0)
        journal.close()
    stamps = [report.stamp for report in conductor.got]  # type: ignore[attr-defined]
    assert len(stamps) == 6 and stamps == sorted(set(stamps)) and stamps[0].key_epoch == 7


def test_nothing_is_said_of_a_server_before_the_first_look(conductor: Conductor, journal: Journal) -> None:
    _reports(conductor, journal, seen=None).heartbeat()
    assert conductor.got == []


@pytest.mark.parametrize(("changes", "differs"), [
    ({}, False),
    ({"sentence": "Otherwise put."}, False),
    ({"volume": t.FilesystemStats(total=3, used=2, free=1)}, False),
    ({"status": t.ServiceStatus.BLOCKED}, True),
    ({"server_started_at": 6.0}, True),
    ({"root_enabled": True}, True),
])
def test_what_is_worth_telling_at_once(changes: dict[str, object], differs: bool) -> None:
    assert SEEN.differs(msgspec.structs.replace(SEEN, **changes)) is differs
    assert SEEN.differs(None)
