"""Agents replaced under a database that somebody writes to: by a good release, by broken ones, by one amid deaths."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import ground
from tests.awaiting import until
from tests.chaos import changed_releases as changed
from tests.chaos.writers import Writer
from tests.installation import CommandFailed, Installation, installation, kill

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def made() -> Iterator[Installation]:
    with ground.directory() as directory, installation(directory / "state") as up:
        yield up


@dataclass
class Subject:
    """An instance with what must not change while its agent does."""

    made: Installation
    id: str
    shown: dict[str, Any]
    server: int
    agent: int

    def agent_of(self) -> dict[str, Any]:
        rows = json.loads(self.made.trovectl("agent", "list", "--json"))["agents"]
        return next(row for row in rows if row["instance_id"] == self.id)

    def ask(self, release: str) -> None:
        status, answer = self.made.request("POST", f"/instances/{self.id}/action",
                                           {"upgrade_agent": {"release": release}})
        assert status == 202, answer

    def operation(self) -> dict[str, Any]:
        return self.made.request("GET", f"/instances/{self.id}/operations?kind=upgrade")[1]["operations"][0]

    def ended(self, timeout: float = 120) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            try:
                found = self.operation()
            except OSError:
                return None
            return found if found["state"] not in ("asked", "running") else None

        return until(look, timeout, "the upgrade has ended", every=0.05)

    def is_undisturbed(self, writer: Writer) -> None:
        assert writer.failed == []
        assert self.made.service_pid(self.id, "database") == self.server
        shown = self.made.show(self.id)
        assert shown is not None and (shown["status"], shown["operating_status"]) == ("ACTIVE", "HEALTHY"), shown


@pytest.fixture(scope="module")
def instance(made: Installation) -> str:
    return made.create("written")


@pytest.fixture
def subject(made: Installation, instance: str) -> Subject:
    shown = made.healthy(instance)
    return Subject(made, instance, shown, made.service_pid(instance, "database"),
                   made.service_pid(instance, "agent"))


@pytest.fixture
def writer(subject: Subject) -> Iterator[Writer]:
    with Writer(subject.shown) as writing:
        yield writing
    assert writing.failed == [] and writing.written > 0


def test_another_build_takes_over_in_the_same_process(made: Installation, subject: Subject, writer: Writer,
                                                      tmp_path: Path) -> None:
    release = changed.add(made, changed.versioned("9.9"), tmp_path)
    before = subject.agent_of()
    assert (before["state"], before["pinned"]) == ("current", before["release"])
    began = time.monotonic()
    said = made.trovectl("agent", "upgrade", subject.id, "--release", release)
    print(f"upgraded in {time.monotonic() - began:.1f} s; {writer.written} statements")
    assert "1 agents were upgraded." in said
    after = subject.agent_of()
    assert (after["version"], after["release"], after["pinned"], after["state"]) == ("9.9", release, release, "behind")
    assert made.service_pid(subject.id, "agent") == subject.agent, "the process is the same"
    environment = Path(f"/proc/{subject.agent}/environ").read_bytes()
    assert b"MALLOC_ARENA_MAX=1" in environment.split(b"\0")
    assert b"-IS" in Path(f"/proc/{subject.agent}/cmdline").read_bytes().split(b"\0")
    assert f"/{release}/" in Path(f"/proc/{subject.agent}/maps").read_text(), "its libraries are the release's"
    status, _ = made.request("POST", f"/instances/{subject.id}/databases", {"databases": [{"name": "after"}]})
    assert status == 202
    subject.is_undisturbed(writer)
    assert "1 do not run from the release" in made.trovectl("agent", "list")
    assert "1 agents were upgraded." in made.trovectl("agent", "upgrade", "--all")
    assert subject.agent_of()["state"] == "current"
    assert "No agent is behind." in made.trovectl("agent", "upgrade", "--all")


def test_a_build_that_dies_at_its_start_is_rolled_back_and_told(made: Installation, subject: Subject, writer: Writer,
                                                                tmp_path: Path) -> None:
    release = changed.add(made, lambda package: changed.at_start(package, 'raise ImportError("no gadget")'), tmp_path)
    with pytest.raises(CommandFailed, match=r"did not report and ended after .* no gadget"):
        made.trovectl("agent", "upgrade", subject.id, "--release", release)
    until(lambda: subject.agent_of()["release"] != release, 30, "the former one is back")
    assert subject.agent_of()["pinned"] == subject.agent_of()["release"]
    subject.is_undisturbed(writer)


@pytest.mark.long
def test_a_build_that_hangs_is_ended_by_its_timer(made: Installation, subject: Subject, writer: Writer,
                                                  tmp_path: Path) -> None:
    starter = made.home(subject.id) / "services" / "starter.py"
    starter.write_text(starter.read_text().replace("PATIENCE = 60", "PATIENCE = 4"))
    release = changed.add(made, lambda package: changed.at_start(package, "import time; time.sleep(600)"), tmp_path)
    with pytest.raises(CommandFailed, match="did not report and ended after 4 s"):
        made.trovectl("agent", "upgrade", subject.id, "--release", release)
    until(lambda: subject.agent_of()["release"] != release, 30, "the former one is back")
    subject.is_undisturbed(writer)


def test_a_build_with_another_hash_is_never_begun(made: Installation, subject: Subject, writer: Writer,
                                                  tmp_path: Path) -> None:
    release = changed.add(made, changed.versioned("evil"), tmp_path)
    marker = made.home(subject.id) / "state" / "marker"
    changed.damage(made, release, f"open({str(marker)!r}, 'w').close()")
    with pytest.raises(CommandFailed, match="is damaged"):
        made.trovectl("agent", "upgrade", subject.id, "--release", release)
    assert not marker.exists() and subject.agent_of()["release"] != release
    assert made.service_pid(subject.id, "agent") == subject.agent
    subject.is_undisturbed(writer)


@pytest.mark.long
@pytest.mark.parametrize("victim", ["control plane", "agent"])
def test_a_death_in_the_middle_changes_nothing_of_the_end(made: Installation, subject: Subject, writer: Writer,
                                                          tmp_path: Path, victim: str) -> None:
    release = changed.add(made, changed.versioned(f"after the death of the {victim}"), tmp_path)
    subject.ask(release)
    until(lambda: subject.operation()["step"] in ("replace", "await_report"), 30, "the agent is asked", every=0.002)
    kill(made.pid if victim == "control plane" else subject.agent)
    if victim == "control plane":
        made.up()
    assert subject.ended()["state"] == "done"
    until(lambda: subject.agent_of()["release"] == release, 30, "it runs")
    subject.is_undisturbed(writer)


@pytest.fixture
def twenty(tmp_path: Path) -> Iterator[Installation]:
    """An installation that lets a project have so many."""
    with ground.directory() as directory:
        state = directory / "state"
        state.mkdir(mode=0o711)
        (state / "trove.conf").write_text("[DEFAULT]\nmax_instances_per_tenant = 20\n")
        with installation(state) as up:
            yield up


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_twenty_agents_in_batches_of_five(twenty: Installation, tmp_path: Path) -> None:
    """A client writes to every database: no statement fails, and no server is another process afterwards."""
    instances = [twenty.create(f"written {number}") for number in range(20)]
    shown = [twenty.healthy(instance, 600) for instance in instances]
    servers = [twenty.service_pid(instance, "database") for instance in instances]
    release = changed.add(twenty, changed.versioned("9.9"), tmp_path)
    with contextlib.ExitStack() as writing:
        writers = [writing.enter_context(Writer(each)) for each in shown]
        began = time.monotonic()
        said = twenty.trovectl("agent", "upgrade", "--all", "--batch", "5", "--release", release, timeout=900)
        seconds = time.monotonic() - began
    print(f"20 agents in {seconds:.1f} s; {sum(writer.written for writer in writers)} statements")
    assert "20 agents were upgraded." in said
    assert [writer.failed for writer in writers] == [[]] * 20
    assert [twenty.service_pid(instance, "database") for instance in instances] == servers
    assert {row["release"] for row in json.loads(twenty.trovectl("agent", "list", "--json"))["agents"]} == {release}
