"""The first database that ``trovectl up`` makes: asked for once, waited for, and never made twice."""

from collections.abc import Mapping
from typing import Any

import pytest

from common.errors import DeadlinePassed, EngineFailed
from trove.cli import first, waiting

ADDRESSES = [{"address": "127.64.1.1", "port": 3307, "type": "private"}]


class Api:
    """Answers as the REST API would; a new instance goes through ``states``, one a look."""

    def __init__(self, states: list[dict[str, Any]], existing: tuple[dict[str, Any], ...] = ()) -> None:
        self.states = states
        self.instances = list(existing)
        self.asked: list[Mapping[str, Any]] = []

    def get(self, path: str, **_query: str | None) -> dict[str, Any]:
        if path == "/instances":
            return {"instances": self.instances}
        if path in ("/instances/1/operations", "/events"):
            return {path.rpartition("/")[2]: []}
        name = path.rpartition("/")[2]
        return {"instance": {"id": name, "name": first.NAME, "addresses": ADDRESSES,
                             **(self.states.pop(0) if len(self.states) > 1 else self.states[0])}}

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(body["instance"])
        return {"instance": {"id": "1", "name": body["instance"]["name"]}}


BUILD = {"status": "BUILD", "operating_status": ""}
HEALTHY = {"status": "ACTIVE", "operating_status": "HEALTHY"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "EARLIEST", 0)


def test_it_is_asked_for_and_waited_for() -> None:
    api, told = Api([BUILD, BUILD, HEALTHY]), []
    made = first.ensure(api, told.append)
    assert made is not None and (made.address, made.port) == ("127.64.1.1", 3307)
    (asked,) = api.asked
    assert asked["users"][0]["password"] == made.password.reveal() and len(made.password.reveal()) >= 20
    assert asked["users"][0]["databases"] == asked["databases"] == [{"name": first.DATABASE}]
    assert [line for line in told if "BUILD" in line] == ["The instance first is BUILD."]


def test_the_password_is_not_in_what_is_told_or_shown() -> None:
    told: list[str] = []
    made = first.ensure(Api([HEALTHY]), told.append)
    assert made is not None
    assert made.password.reveal() not in repr(made) + "".join(told)


def test_asked_again_it_is_the_same_one_and_has_no_password_to_show() -> None:
    api = Api([HEALTHY], ({"id": "1", "name": first.NAME},))
    made = first.ensure(api, [].append)
    assert made is not None and made.password is None and api.asked == []


def test_other_instances_are_enough() -> None:
    api = Api([HEALTHY], ({"id": "1", "name": "orders"},))
    assert first.ensure(api, [].append) is None and api.asked == []


def test_its_fault_is_told_with_a_remedy() -> None:
    broken = {"status": "ERROR", "fault": {"message": "The disk is full."}}
    with pytest.raises(EngineFailed, match=r"The disk is full\.") as caught:
        first.ensure(Api([BUILD, broken]), [].append)
    assert "trovectl instance delete 1" in caught.value.hint


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first, "PATIENCE", 0.01)
    with pytest.raises(DeadlinePassed):
        first.ensure(Api([BUILD]), [].append)
