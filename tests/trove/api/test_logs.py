"""Logs of an instance: listed, switched, read piece by piece, waited for."""

import threading

import pytest

from common.contract.types import ServiceStatus
from common.errors import Unreachable
from tests.trove.api.world import World

ENTRY = {"name": "general", "type": "USER", "status": "Disabled", "pending": 0, "published": 0, "container": "None",
         "prefix": "None", "metafile": "None"}


def test_logs_are_listed_shown_and_switched(world: World) -> None:
    instance, guest = world.serving()
    path = f"/instances/{instance}/log"
    error, general = world.ask("GET", path).json["logs"]
    assert (error["name"], error["type"], error["status"]) == ("error", "SYS", "Unavailable")
    assert general == ENTRY
    assert world.ask("POST", path, {"name": "general"}).json == {"log": ENTRY}
    for flag in (1, True):
        answer = world.ask("POST", path, {"name": "general", "enable": flag})
        assert (answer.status_code, answer.json) == (200, {"log": ENTRY | {"status": "Enabled"}})
    guest.log_lines.append("a line\n")
    assert world.ask("POST", path, {"name": "general"}).json["log"] == ENTRY | {"status": "Ready", "pending": 7}
    assert world.ask("POST", path, {"name": "general", "disable": 1}).json["log"]["status"] == "Disabled"


@pytest.mark.parametrize(("body", "status", "words"), [
    ({"name": "general", "enable": 1, "disable": 1}, 400, "not both"),
    ({"name": "nothing"}, 400, "error, general"),
    ({"name": "error", "disable": 1}, 400, "always written"),
    ({"name": "general", "publish": 1}, 501, "no object store"),
    ({"name": "general", "discard": 1}, 501, "trovectl logs"),
    ({"name": "general", "enable": 2}, 400, "enable"),
    ({"enable": 1}, 400, "name"),
])
def test_what_cannot_be_is_said(world: World, body: object, status: int, words: str) -> None:
    instance, guest = world.serving()
    answer = world.ask("POST", f"/instances/{instance}/log", body)
    assert answer.status_code == status and words in answer.text, answer.text
    assert not guest.enabled_logs


def test_a_log_is_read_piece_by_piece(world: World) -> None:
    instance, guest = world.serving()
    guest.log_lines += ["one\n", "two\n"]
    path = f"/instances/{instance}/log/general"
    first = world.ask("GET", path, params={"after": "start"}).json["chunk"]
    assert first == {"text": "one\n", "after": "1", "more": True, "lost": False}
    assert world.ask("GET", path, params={"after": "1", "limit": "5"}).json["chunk"]["text"] == "two\n"
    assert world.ask("GET", path, params={"after": "2"}).json["chunk"] == {
        "text": "", "after": "2", "more": False, "lost": False}
    for wrong in ({"after": "x"}, {"limit": "0"}, {"limit": "-1"}, {"limit": "9" * 5000}, {"wait": "nan"},
                  {"wait": "2e9"}, {"after": "0" * 81}):
        assert world.ask("GET", path, params=wrong).status_code == 400, wrong
    assert world.ask("GET", f"/instances/{instance}/log/nothing").status_code == 404


def test_who_waits_is_answered_when_something_is_written(world: World) -> None:
    instance, guest = world.serving()
    writer = threading.Timer(0.1, guest.log_lines.append, ("news\n",))
    writer.start()
    chunk = world.ask("GET", f"/instances/{instance}/log/general", params={"wait": "20"}).json["chunk"]
    writer.join()
    assert chunk["text"] == "news\n"


def test_logs_are_there_while_the_server_is_not(world: World) -> None:
    instance, guest = world.serving()
    world.observe(instance, ServiceStatus.CRASHED)
    guest.log_lines.append("it crashed\n")
    assert world.ask("GET", f"/instances/{instance}/log/general").json["chunk"]["text"] == "it crashed\n"
    guest.failure = Unreachable("The agent is away.")
    assert world.ask("GET", f"/instances/{instance}/log/general").status_code == 503
