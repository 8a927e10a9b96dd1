"""Waiting for an instance: which steps are told, and how it ends."""

from typing import Any

import pytest

from common.errors import DeadlinePassed, EngineFailed, NotFound, TroveError, Unreachable
from trove.cli import output, progress, waiting

INSTANCE = {"id": "1", "name": "orders"}
BUILD = {"name": "orders", "status": "BUILD", "operating_status": ""}
HEALTHY = {"name": "orders", "status": "ACTIVE", "operating_status": "HEALTHY"}
BROKEN = {"name": "orders", "status": "ERROR", "operating_status": "", "fault": {"message": "The disk is full."}}
GONE = NotFound("It is gone.")
AWAY = Unreachable("Nobody answers.")


class Api:
    """One answer a look; the last one stays. ``events``: what is answered to one question each, then nothing."""

    def __init__(self, *looks: dict[str, Any] | TroveError, operations: list[dict[str, Any]] | None = None,
                 events: list[list[dict[str, Any]]] | None = None) -> None:
        self.looks, self.operations, self.events = list(looks), operations or [], events or []
        self.after: list[str | None] = []

    def get(self, path: str, **query: str | None) -> dict[str, Any]:
        if path == "/events":
            assert query["instance"] == "1"
            self.after.append(query["after"])
            return {"events": self.events.pop(0) if self.events else []}
        if path.endswith("/operations"):
            return {"operations": [self.operations.pop(0) if len(self.operations) > 1 else self.operations[0]]
                    if self.operations else []}
        answer = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(answer, TroveError):
            raise answer
        return {"instance": answer}


def step(name: str, percent: float | None = None, state: str = "running") -> dict[str, Any]:
    return {"id": "o", "state": state, "step": name, "sentence": f"Does {name}.", "progress": percent}


def event(number: int, kind: str, step: str | None, sentence: str, operation: str = "o") -> dict[str, Any]:
    return {"id": number, "kind": kind, "step": step, "sentence": sentence, "operation_id": operation}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "EARLIEST", 0)


def watch(api: Api, told: list[tuple[str, str, float | None]], patience: float = 10.0) -> waiting.Watch:
    def tell(step: str, sentence: str, percent: float | None = None) -> None:
        told.append((step, sentence, percent))
    return waiting.Watch(api, INSTANCE, tell, patience)


def test_steps_are_told_where_the_api_has_them() -> None:
    api, told = Api(BUILD, BUILD, BUILD, HEALTHY, operations=[step("place"), step("prepare", 40.0), step("x")]), []
    assert watch(api, told).healthy() == HEALTHY
    assert told[:2] == [("place", "Does place.", None), ("prepare", "Does prepare.", 40.0)]


def test_what_has_ended_is_no_step() -> None:
    api, told = Api(BUILD, HEALTHY, operations=[step("remove", state="done")]), []
    watch(api, told).healthy()
    assert told[0] == ("BUILD", "The instance orders is BUILD.", None)


def test_steps_between_two_looks_are_told_in_their_order() -> None:
    happened = [[event(7, "operation.step", "find_spot", "Looks for one."),
                 event(8, "operation.done", None, "Another's.", "another"),
                 event(9, "operation.step", "place", "Of another.", "another"),
                 event(11, "operation.step", "prepare", "Makes it.")],
                [event(12, "operation.progress", None, "Starts it.")]]
    api, told = Api(BUILD, HEALTHY, operations=[step("prepare", 40.0), step("x", state="done")], events=happened), []
    watch(api, told).healthy()
    assert told[:4] == [("find_spot", "Looks for one.", None), ("prepare", "Makes it.", None),
                        ("prepare", "Does prepare.", 40.0), ("prepare", "Starts it.", None)]
    assert api.after[:3] == ["0", "11", "12"]


def test_a_control_plane_that_is_away_for_a_while_is_waited_for() -> None:
    told: list[Any] = []
    assert watch(Api(BUILD, AWAY, AWAY, HEALTHY), told).healthy() == HEALTHY
    assert "The control plane does not answer; it is asked again." in [sentence for _, sentence, _ in told]


def test_one_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SILENCE", 0.0)
    with pytest.raises(Unreachable):
        watch(Api(BUILD, AWAY), []).healthy()


@pytest.mark.parametrize("end", ["healthy", "gone"])
def test_a_fault_ends_the_waiting(end: str) -> None:
    with pytest.raises(EngineFailed, match=r"The disk is full\.") as caught:
        getattr(watch(Api(BUILD, BROKEN), []), end)()
    assert "trovectl instance delete 1" in caught.value.hint


def test_an_instance_that_somebody_deletes_meanwhile() -> None:
    with pytest.raises(NotFound, match="was deleted meanwhile"):
        watch(Api(BUILD, GONE), []).healthy()
    watch(Api(HEALTHY, GONE), []).gone()


def test_patience_ends() -> None:
    with pytest.raises(DeadlinePassed, match="what is under way goes on"):
        watch(Api(BUILD), [], patience=0.01).healthy()


def test_where_nobody_looks_on_each_sentence_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.Steps() as steps:
        for name in ("place", "place", "prepare [now]"):
            steps.tell(name, f"Does {name}.")
    shown = capsys.readouterr()
    assert [line.split("s  ")[1] for line in shown.err.splitlines()] == ["Does place.", "Does prepare [now]."]
    assert shown.out == ""


def test_on_a_terminal_each_step_has_a_line_with_a_bar(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = output.Console(stderr=True, force_terminal=True, width=100)
    monkeypatch.setattr(output, "complaints", terminal)
    with progress.Steps() as steps:
        steps.tell("place", "Makes its place.")
        steps.tell("prepare", "Starts the server.", 40.0)
    shown = capsys.readouterr().err
    last = shown.rpartition("Makes its place.")[2]
    assert "Starts the server." in last and "━" in last and "0:00:0" in last
