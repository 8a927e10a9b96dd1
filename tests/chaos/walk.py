"""A walk along every moment of every flow: somebody is killed there, and the end is held against an undisturbed one.

Moments come from the flows themselves, and which victims there are at each from a first, undisturbed walk.
"""

import json
import os
import random
import select
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import ground, ledger
from tests.awaiting import until
from tests.chaos import changed_releases
from tests.chaos.gates import HaltingInstallation, Moment
from tests.chaos.pictures import picture, starts
from tests.chaos.test_killed_agent import answers, broker_pid
from trove.taskmanager import durable, steps

PATIENCE = 200.0
"""Seconds to the end of a flow, a new broker and a guest that is silent for a while included."""

NOBODY, CONTROL_PLANE, BROKER = "nobody", "control plane", "broker"
AGENT, SERVER, JOB = "agent", "server", "job"

BIRTHS = {"create": "create", "retried creation": "create", "creation called off": "create"}
"""Flows that begin a life, and the kind of the operation that is walked."""
BETWEEN = ("rotate_keys", "stop", "restart", "reboot", "upgrade", "configure")
"""Flows in the middle of a life; what is stopped is restarted next. Not every life goes through all of them, so what
leaves the most behind comes last."""
FLOWS = BIRTHS | {flow: flow for flow in (*BETWEEN, "delete")}


class _Steps:
    """Stands in for a run of a flow and notes the names of its steps."""

    def __init__(self) -> None:
        self.names = ["begin"]

    def __call__(self, what: steps.Step) -> None:
        self.names.append(what.name)

    def succeed(self) -> None:
        self.names.append("succeed")


def moments(kind: str) -> list[Moment]:
    """Before and after each step that the product's flow of that kind has, in their order."""
    names = _Steps()
    durable.FLOWS[kind](names)  # type: ignore[arg-type]
    return [Moment(kind, step, when) for step in names.names for when in ("before", "after")]


@dataclass(frozen=True, order=True)
class Case:
    flow: str
    moment: Moment
    victim: str

    def __str__(self) -> str:
        return f"{self.flow}: {self.victim} {self.moment.when} {self.moment.step}"


@dataclass
class Life:
    """An instance and where it is struck: at its birth, in the middle, at its removal."""

    birth: str
    cases: dict[str, Case] = field(default_factory=dict)
    instance: str = ""
    starts: int = 0
    """Of its server, before the flow that it is in."""

    def case(self, flow: str) -> Case | None:
        return self.cases.get(flow)


def service(installation: HaltingInstallation, instance: str, name: str) -> int:
    try:
        return installation.service_pid(instance, name)
    except FileNotFoundError:
        return 0


def job(installation: HaltingInstallation, instance: str) -> int:
    """The process of the agent's job; else that of the root command that makes or removes a place."""
    try:
        state = json.loads((installation.home(instance) / "jobs" / "state.json").read_bytes())
    except (OSError, ValueError):
        return _root_command(installation.pid)
    return state["pid"] if state["exit_code"] is None else _root_command(installation.pid)


def _root_command(parent: int) -> int:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat, words = (entry / "stat").read_text(), (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if stat.rpartition(")")[2].split()[1] == str(parent) and {b"place", b"unplace"} & set(words):
                return int(entry.name)
    return 0


VICTIMS: dict[str, Callable[[HaltingInstallation, str], int]] = {
    JOB: job,
    SERVER: lambda installation, instance: service(installation, instance, "database"),
    AGENT: lambda installation, instance: service(installation, instance, "agent"),
    CONTROL_PLANE: lambda installation, _: installation.pid,
    BROKER: lambda installation, _: broker_pid(installation.state),
}
"""Process ids, 0 where there is no such process now."""

WITH_JOBS = {"place": (CONTROL_PLANE, JOB), "unplace": (CONTROL_PLANE, JOB),
             "prepare": (CONTROL_PLANE, BROKER, AGENT, JOB)}
"""Steps with a child process, and who is killed while it is alive."""


def begun(installation: HaltingInstallation, life: Life, flow: str) -> None:
    """Asks for it. A creation called off is called off later, where it is held."""
    if flow in BIRTHS:
        life.instance = installation.create("walked")
        if flow == "retried creation":
            _fail_and_retry(installation, life.instance)
        return
    installation.gate.hold(life.instance)
    life.starts = starts(installation, life.instance)
    path = f"/instances/{life.instance}"
    if flow == "delete":
        status, answer = installation.request("DELETE", path)
    elif flow in ("stop", "reboot"):
        status, answer = installation.request("POST", f"/mgmt{path}/action", {flow: {}})
    elif flow == "configure":
        status, answer = installation.request("PUT", path, {"instance": {"configuration": _group(installation)}})
    else:
        action = {"upgrade_agent": {"release": _another_release(installation)}} if flow == "upgrade" else {flow: {}}
        status, answer = installation.request("POST", f"{path}/action", action)
    assert status == 202, answer


def _fail_and_retry(installation: HaltingInstallation, instance: str) -> None:
    """Something is in the way of the instance's directory; then it is not."""
    gate, home = installation.gate, installation.home(instance)
    gate.reach(instance, Moment("create", "place", "before"))
    home.write_text("in the way")
    gate.reach(instance, Moment("create", "place", "after"))
    home.unlink()
    shown = installation.show(instance)
    assert shown is not None and shown["status"] == "ERROR", shown
    operation, = operations(installation, instance)
    gate.go(instance)
    status, answer = installation.request("POST", f"/operations/{operation['id']}", {"retry": {}})
    assert status == 202, answer


def _group(installation: HaltingInstallation) -> str:
    """The one of the whole walk: an instance shows which it has."""
    _, answer = installation.request("GET", "/configurations")
    found = [each["id"] for each in answer["configurations"]]
    if not found:
        status, answer = installation.request("POST", "/configurations", {"configuration": {
            "name": "walked", "values": {"max_connections": 77}}})
        assert status == 200, answer
        found = [answer["configuration"]["id"]]
    return str(found[0])


def _another_release(installation: HaltingInstallation) -> str:
    """The same agent under another hash: nothing else of it is to show in a picture."""
    with ground.directory() as scratch:
        return changed_releases.add(installation, lambda package: changed_releases.at_start(package, "# another"),
                                    scratch)


def operations(installation: HaltingInstallation, instance: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(f"file:{installation.state / 'trove.sqlite'}?mode=ro", uri=True)) as store:
        store.row_factory = sqlite3.Row
        return store.execute("SELECT * FROM operations WHERE instance_id = ?", (instance,)).fetchall()


def reached(installation: HaltingInstallation, life: Life, case: Case) -> None:
    """Holds the flow at the case's moment; during a step, until its child process is there."""
    gate, moment = installation.gate, case.moment
    if moment.when != "during":
        gate.reach(life.instance, moment)
    else:
        gate.reach(life.instance, Moment(moment.kind, moment.step, "before"))
    if case.flow == "creation called off":
        installation.delete(life.instance)
    if moment.when == "during":
        gate.go(life.instance)
        if case.flow != "creation called off":
            until(lambda: job(installation, life.instance), 60, f"a job {moment}", every=0.002)


class Walk:
    """``expected``: pictures of undisturbed ends, by flow (and, for a creation called off, by moment)."""

    def __init__(self, installation: HaltingInstallation, width: int, seed: int) -> None:
        self.installation = installation
        self.expected: dict[tuple[str, Moment | None], dict[str, Any]] = {}
        self.present: dict[tuple[str, Moment], list[str]] = {}
        self.walked: set[Case] = set()
        self.failed: dict[Case, str] = {}
        self._living: set[str] = set()
        self._width = width
        self._random = random.Random(seed)

    # the undisturbed walk

    def look_around(self, flows: Sequence[str]) -> None:
        """One life through each flow: who is there at each moment, and what the end is."""
        for birth in [flow for flow in BIRTHS if flow in flows and flow != "creation called off"]:
            life = Life(birth)
            for flow in [birth, *(each for each in (*BETWEEN, "delete") if each in flows)]:
                begun(self.installation, life, flow)
                for moment in moments(FLOWS[flow]):
                    here = self.installation.gate.next(life.instance, moment.kind)
                    assert here == moment, f"{flow} is at {here}, and the product's next moment is {moment}"
                    self.present[flow, moment] = [each for each in VICTIMS if each != JOB and
                                                  VICTIMS[each](self.installation, life.instance)]
                    self.installation.gate.go(life.instance)
                self._end(life, flow)
                self.expected[flow, None] = self._picture(life, flow)
        if "creation called off" in flows:
            self.present |= {("creation called off", moment): who for (flow, moment), who in self.present.items()
                             if flow == "create"}
            self._strike_in_rounds([Case("creation called off", moment, NOBODY)
                                    for moment in moments("create")])

    def cases(self, flows: Sequence[str]) -> list[Case]:
        """Everything there is to walk, by victim and then at random."""
        found = [Case(flow, moment, victim) for (flow, moment), there in self.present.items() if flow in flows
                 for victim in there]
        found += [Case(flow, Moment(FLOWS[flow], step, "during"), victim) for flow in flows
                  for step, victims in WITH_JOBS.items() for victim in victims
                  if (flow != "creation called off" or victim != JOB)
                  and Moment(FLOWS[flow], step, "before") in moments(FLOWS[flow])]
        self._random.shuffle(found)
        return found

    # striking

    def strike_all(self, cases: Sequence[Case]) -> None:
        """Those of one victim together; a job is looked for by its parent, so there is one at a time."""
        for victim in VICTIMS:
            self._strike_in_rounds([case for case in cases if case.victim == victim])

    def _strike_in_rounds(self, cases: Sequence[Case]) -> None:
        width = 1 if cases and cases[0].victim == JOB else self._width
        lives = _lives(cases)
        for first in range(0, len(lives), width):
            self._round(lives[first:first + width])

    def _round(self, lives: Sequence[Life]) -> None:
        for stage in ("", *BETWEEN, "delete"):
            alive = [(life, stage or life.birth) for life in lives
                     if not life.instance or life.instance in self._living]
            self._stage([(life, flow) for life, flow in alive if flow not in BETWEEN or life.case(flow)])
        ledger.balanced(self.installation.state, set(), PATIENCE)

    def _stage(self, doing: Sequence[tuple[Life, str]]) -> None:
        if not doing:
            return
        began = time.monotonic()
        cases = [case for life, flow in doing if (case := life.case(flow)) is not None]
        with ThreadPoolExecutor(len(doing)) as people:
            list(people.map(lambda each: self._bring(*each), doing))
            before = {life.instance: self._processes(life.instance) for life, _ in doing}
            if cases:
                self._kill(cases[0].victim, [life.instance for life, flow in doing if life.case(flow)])
            for life, _ in doing:
                self.installation.gate.free(life.instance)
            if not cases or cases[0].victim == CONTROL_PLANE:
                self.installation.up()
            list(people.map(lambda each: self._compare(*each, before[each[0].instance]), doing))
        ledger.balanced(self.installation.state, self._living, PATIENCE)
        self._tell(cases, time.monotonic() - began)

    def _bring(self, life: Life, flow: str) -> None:
        begun(self.installation, life, flow)
        case = life.case(flow)
        if case is None:
            self.installation.gate.free(life.instance)
        else:
            reached(self.installation, life, case)

    def _kill(self, victim: str, instances: Sequence[str]) -> None:
        if victim != NOBODY:
            found = {VICTIMS[victim](self.installation, instance) for instance in instances}
            assert all(found), f"there is no {victim} to kill"
            for pid in found:
                _kill_and_bury(pid)

    def _processes(self, instance: str) -> dict[str, int]:
        return {victim: VICTIMS[victim](self.installation, instance) for victim in (AGENT, SERVER)}

    def _end(self, life: Life, flow: str) -> None:
        def ended() -> bool:
            return all(row["state"] not in ("asked", "running") for row in operations(self.installation, life.instance))

        self.installation.gate.free(life.instance)
        until(ended, PATIENCE, f"the end of the operations on {life.instance}")
        if flow in ("delete", "creation called off"):
            self.installation.gone(life.instance, PATIENCE)
            self._living.discard(life.instance)
        else:
            self.installation.healthy(life.instance, PATIENCE)
            self._living.add(life.instance)

    def _compare(self, life: Life, flow: str, before: dict[str, int]) -> None:
        """A walk is long: what went wrong is noted, what is left of it removed, and the walk goes on."""
        case = life.case(flow)
        try:
            self._end(life, flow)
            if case is not None:
                self._judge(life, flow, case, before)
        except AssertionError as error:
            self.failed[case or Case(flow, Moment(FLOWS[flow], "", ""), NOBODY)] = str(error)
            self._living.discard(life.instance)
            self.installation.delete(life.instance)
            self.installation.gone(life.instance, PATIENCE)

    def _judge(self, life: Life, flow: str, case: Case, before: dict[str, int]) -> None:
        if case.victim == SERVER and life.instance in self._living:
            self._await_server(life.instance, before[SERVER])
        seen = self._picture(life, flow)
        key = (flow, case.moment if flow == "creation called off" else None)
        if case.victim == NOBODY:
            self.expected[key] = seen
        self.walked.add(case)
        wrong = list(_differences(self.expected.get(key, seen), seen, case.victim))
        if flow in ("create", "retried creation"):
            now = self._processes(life.instance)
            wrong += [f"the {name} is another one" for name in (AGENT, SERVER)
                      if name != case.victim and before[name] not in (0, now[name])]
        if wrong:
            self.failed[case] = "; ".join(wrong)

    def _await_server(self, instance: str, dead: int) -> None:
        """The last report of its health may be older than its death."""
        until(lambda: service(self.installation, instance, "database") not in (0, dead), PATIENCE, "a new server")
        shown = self.installation.healthy(instance)
        until(lambda: answers(shown), PATIENCE, "the new server answers")

    def _picture(self, life: Life, flow: str) -> dict[str, Any]:
        """Of what a life had before, one flow knows nothing."""
        seen = picture(self.installation, life.instance)
        if flow not in BIRTHS:
            seen |= {name: seen[name][-1:] for name in ("operations", "orders") if name in seen}
            if "starts" in seen:
                seen["starts"] -= life.starts
            if flow != "rotate_keys":
                seen["row"].pop("key_epoch", None)
        return seen

    def _tell(self, cases: Sequence[Case], seconds: float) -> None:
        for case in cases:
            print(f"{seconds:6.1f} s  {case!s:60} {self.failed.get(case, 'as undisturbed')}", flush=True)


def _kill_and_bury(pid: int) -> None:
    """Returns when it is dead: a moment after the signal it may still look alive."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        assert select.select([handle], [], [], 30)[0], f"process {pid} does not die"
    finally:
        os.close(handle)


def _lives(cases: Sequence[Case]) -> list[Life]:
    """As few lives as have room for all cases, each at most one of a stage."""
    lives = [Life(case.flow, {case.flow: case}) for case in cases if case.flow in BIRTHS]
    for flow in (*BETWEEN, "delete"):
        room = iter([life for life in lives if life.birth != "creation called off"])
        for case in (case for case in cases if case.flow == flow):
            life = next(room, None)
            if life is None:
                life = Life("create")
                lives.append(life)
            life.cases[flow] = case
    return lives


def _differences(wanted: dict[str, Any], seen: dict[str, Any], victim: str) -> Iterator[str]:
    for name in sorted(wanted.keys() | seen.keys()):
        if wanted.get(name) != seen.get(name) and not (name == "starts" and victim == SERVER):
            yield f"{name}: {_unlike(seen.get(name), wanted.get(name))}"


def _unlike(seen: Any, wanted: Any) -> str:
    if isinstance(seen, dict) and isinstance(wanted, dict):
        seen, wanted = ({name: value for name, value in one.items() if other.get(name) != value}
                        for one, other in ((seen, wanted), (wanted, seen)))
    return f"{seen}, undisturbed {wanted}"
