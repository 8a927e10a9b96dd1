"""``trovectl events``: what happened, and what happens next, over a control plane that goes and comes again."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from common.errors import NotFound, Unreachable
from tests.trove.cli.served import Served
from tests.trove.cli.typed import document, trovectl
from trove.cli import events, following

AWAY = Unreachable("Nobody answers.")


def lines(api: Served, *words: str) -> list[str]:
    shown = trovectl("events", *words, api=api)
    assert shown.exit_code == 0, shown.output
    return shown.stdout.splitlines()


def test_each_event_is_a_line_with_time_instance_kind_and_sentence(api: Served) -> None:
    api.instance("orders")
    api.instance("[red]")
    first, second, third, fourth, *_ = lines(api)
    assert first[19:] == "  orders  operation.asked       A creation is asked for." and first[4] == "-"
    assert second.endswith("BUILD → ACTIVE. The server accepts connections and has what was asked for.")
    assert third.endswith("instance.operating_status  ERROR → HEALTHY. It is so.")
    assert "  [red]  operation.asked" in fourth
    assert len(lines(api, "--instance", "orders", "--since", "2d")) == 3


def test_with_json_each_line_is_a_document(api: Served) -> None:
    instance_id, _ = api.instance()
    trovectl("instance", "delete", "orders", "--yes", api=api)
    shown = [json.loads(line) for line in lines(api, "--json", "--instance", instance_id)]
    assert [each["kind"] for each in shown] == [
        "operation.asked", "instance.status", "instance.operating_status", "instance.status", "operation.cancelled",
        "operation.asked"]


@pytest.mark.parametrize("span", ["yesterday", "1", "-1h", "1.5h", "1w"])
def test_a_span_that_is_none_is_refused(api: Served, span: str) -> None:
    assert document("events", f"--since={span}", api=api, code=1)["error"]["code"] == "invalid"


def test_a_span_from_before_all_time_is_all_there_is(api: Served) -> None:
    api.instance()
    assert len(lines(api, "--since", "999999999d")) == 3


def test_an_interrupt_is_the_way_to_end_following(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    api.instance()

    def interrupt(*_: object) -> list[Any]:
        raise KeyboardInterrupt
    ask, asked = following.Follower.ask, threading.Event()

    def once(self: following.Follower, wait: float = 0.0) -> list[Any]:
        if asked.is_set():
            interrupt()
        asked.set()
        return ask(self, wait)
    monkeypatch.setattr(following.Follower, "ask", once)
    assert len(lines(api, "--follow")) == 3


class Api:
    """Answers in turn: events, or an error. ``asked``: what was asked for."""

    def __init__(self, *answers: "list[int] | Exception") -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str | None]] = []
        self.made = 0

    def connect(self) -> "Api":
        self.made += 1
        return self

    def get(self, _path: str, **query: str | None) -> dict[str, Any]:
        self.asked.append(query)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"events": [{"id": number} for number in answer]}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr(following.time, "sleep", made.append)
    return made


def followed(api: Api, told: Callable[[Unreachable], None] = lambda error: None) -> Iterator[int]:
    return (event["id"] for event in following.Follower(api.connect, "i", "t").follow(told))


def test_following_goes_on_behind_the_last_id_when_the_control_plane_is_back(pauses: list[float]) -> None:
    api, told = Api([3, 4], AWAY, AWAY, [7], AWAY, [8], NotFound("It is gone.")), []
    seen = followed(api, told.append)
    with pytest.raises(NotFound):
        heard = [next(seen) for _ in range(4)]
        next(seen)
    assert heard == [3, 4, 7, 8]
    assert [each["after"] for each in api.asked] == ["0", "4", "4", "4", "7", "7", "8"]
    assert {(each["instance"], each["since"]) for each in api.asked} == {("i", "t")}
    assert [each["wait"] for each in api.asked] == [None] + ["20"] * 6
    assert len(told) == 2, "once each time that it is away"
    assert api.made == 4, "it may be at another port"
    assert pauses == [following.PAUSE] * 3


def test_an_early_empty_answer_is_no_reason_to_ask_at_once(pauses: list[float]) -> None:
    api = Api([], [], [1])
    assert next(followed(api)) == 1
    assert pauses == [following.PAUSE]


def test_who_never_answered_is_not_waited_for() -> None:
    with pytest.raises(Unreachable):
        next(followed(Api(AWAY)))


def test_on_a_terminal_what_is_wrong_is_red() -> None:
    event = {"created": "2026-11-22T21:10:04", "instance_name": "orders", "kind": "operation.failed", "from": None,
             "to": None, "sentence": "The disk is gone."}
    assert any(str(span.style) == "red" for span in events.line(event).spans)
