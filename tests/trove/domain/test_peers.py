"""An order needs a newer receiver only when it uses something newer."""

from typing import ClassVar, Protocol

import pytest
from msgspec import Struct

from common.contract import Guest, methods, version
from common.contract.declare import call
from common.errors import TooOld
from tests.keys import drawn
from trove.domain.peers import PeerKeys, check_known
from trove.domain.since import needed


class Part(Struct, frozen=True, kw_only=True):
    SINCE: ClassVar[dict[str, str]] = {"colour": "1.10"}
    name: str
    colour: str | None = None


class Order(Struct, frozen=True, kw_only=True):
    SINCE: ClassVar[dict[str, str]] = {"size": "1.2"}
    parts: tuple[Part, ...] = ()
    by_name: dict[str, Part] = {}
    size: int = 1


class Contract(Protocol):
    @call(since="1.1")
    def build(self, order: Order) -> None: ...


BUILD = methods(Contract)["build"]
RED = Part(name="a", colour="red")


@pytest.mark.parametrize(("order", "version_needed"), [
    (Order(), "1.1"), (Order(size=1, parts=(Part(name="a"),)), "1.1"), (Order(size=2), "1.2"),
    (Order(parts=(RED,)), "1.10"), (Order(by_name={"a": RED}, size=2), "1.10"),
])
def test_the_newest_field_in_use_counts(order, version_needed):
    assert needed(BUILD, {"order": order}) == version_needed


def peer(spoken):
    keys = drawn()
    return PeerKeys(to_guest=keys.to_guest, from_guest=keys.from_guest, contract_version=spoken)


def test_an_older_agent_is_sent_what_it_knows_and_nothing_else():
    check_known(BUILD, {"order": Order(size=2)}, peer("1.2"))
    with pytest.raises(TooOld, match=r"needs 1\.10") as raised:
        check_known(BUILD, {"order": Order(parts=(RED,))}, peer("1.2"))
    assert raised.value.hint == "Upgrade the instance's guest agent: trovectl agent upgrade INSTANCE."
    check_known(BUILD, {"order": Order(parts=(RED,))}, peer(None))


@pytest.mark.parametrize(("receiver", "wanted", "taken"), [
    ("1.0", "1.0", True), ("1.10", "1.9", True), ("1.9", "1.10", False), ("2.0", "1.0", False), ("1.0", "2.0", False),
])
def test_a_receiver_takes_its_own_major_and_no_newer_minor(receiver, wanted, taken):
    assert version.understands(receiver, wanted) is taken


def test_every_method_of_the_contract_is_known_to_an_agent_of_this_version():
    for method in methods(Guest).values():
        assert version.understands(version.CONTRACT_VERSION, method.since)
