"""``trovectl logs``: what a server wrote, and what it writes next, over whoever goes and comes again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from common.errors import NotFound, Unreachable
from tests.trove.cli.served import Served
from tests.trove.cli.typed import document, trovectl
from trove.cli import reading
from trove.domain.words import visible

AWAY = Unreachable("Nobody answers.")


def test_logs_are_listed_and_switched(api: Served) -> None:
    _, guest = api.instance()
    shown = document("log", "list", "orders", api=api)["logs"]
    assert [(log["name"], log["status"]) for log in shown] == [("error", "Unavailable"), ("general", "Disabled")]
    assert document("log", "enable", "orders", "general", api=api)["log"]["status"] == "Enabled"
    assert guest.enabled_logs == {"general"}
    assert "general on Enabled 0" in " ".join(trovectl("log", "list", "orders", api=api).stdout.split())
    document("log", "disable", "orders", "general", api=api)
    assert not guest.enabled_logs
    assert document("log", "enable", "orders", "error", api=api, code=1)["error"]["code"] == "invalid"


def test_the_last_lines_are_shown_or_all_of_them(api: Served) -> None:
    _, guest = api.instance()
    guest.log_lines += ["one\ntwo\n", "th", "ree\nfour"]
    assert trovectl("logs", "orders", "general", "--lines", "2", api=api).stdout == "three\nfour"
    assert trovectl("logs", "orders", "general", "--lines", "0", api=api).stdout == ""
    for words in (("--all",), ()):
        assert trovectl("logs", "orders", "general", *words, api=api).stdout == "one\ntwo\nthree\nfour"
    pieces = trovectl("logs", "orders", "general", "--all", "--json", api=api).stdout.splitlines()
    assert [json.loads(piece)["text"] for piece in pieces] == guest.log_lines
    assert trovectl("logs", "orders", api=api).exit_code == 0, "of the first log, in which nothing is"
    assert trovectl("logs", "orders", "nothing", api=api).exit_code == 1


def test_nothing_steers_a_terminal() -> None:
    hostile = "\x1b]0;title\x07\x9b31m\r\x08\x00 a\u202eb \U0001f600 é\t.\n"
    assert visible(hostile) == "\\x1b]0;title\\x07\\x9b31m\\r\\x08\\x00 a\\u202eb \U0001f600 é\t.\n"


class Api:
    """Answers with what is next of ``answers``: a piece, or an error to raise."""

    def __init__(self, *answers: Any) -> None:
        self.answers = iter(answers)
        self.asked: list[str | None] = []

    def get(self, _path: str, **query: str | None) -> Any:
        self.asked.append(query["after"])
        answer = next(self.answers)
        if isinstance(answer, BaseException):
            raise answer
        text, after, lost = answer
        return {"chunk": {"text": text, "after": after, "more": False, "lost": lost}}


def follow(api: Api, silences: list[Unreachable]) -> Iterator[reading.Piece]:
    return reading.Reader(lambda: api, "/log", whole=False).follow(silences.append)


def test_following_outlives_whoever_goes_away_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAUSE", 0.0)
    silences: list[Unreachable] = []
    api = Api(("a", "1", False), AWAY, AWAY, ("", "1", False), ("b", "2", True), NotFound("Deleted."))
    following = follow(api, silences)
    assert next(following) == ("a", False, False)
    assert next(following) == ("b", True, False)
    assert (silences, api.asked) == ([AWAY], [None, "1", "1", "1", "1"])
    with pytest.raises(NotFound):
        next(following)


def test_an_interrupt_is_the_way_to_end_following(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    _, guest = api.instance()
    guest.log_lines += ["one\n"]
    monkeypatch.setattr(reading.Reader, "follow", lambda *_: iter(Api(KeyboardInterrupt()).get("", after=None)))
    shown = trovectl("logs", "orders", "general", "--follow", api=api)
    assert (shown.exit_code, shown.stdout) == (0, "one\n")
