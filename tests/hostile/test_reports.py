"""What a stolen guest says in other words than its agent would: each is counted and does nothing, or is its own row's.

The broker's part, which is what the login may read, write and configure, is in ``test_login.py``.
"""

import os
from collections.abc import Callable

import amqp
import msgspec
import pytest

from common.contract import types as t
from common.contract.declare import Kind
from common.crypto import Key
from common.openstack.rpc import envelope
from tests.awaiting import until
from tests.hostile.conftest import Ground
from tests.hostile.stolen import Stolen

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="reads the files of agents")]


def flipped(thief: Stolen) -> bytes:
    """One bit of what is sealed."""
    sealed = thief.sealed("heartbeat", heartbeat=thief.heartbeat("flipped"))
    place = len(sealed) // 2
    other = "A" if sealed[place] != "A" else "B"
    return envelope.request("heartbeat", sealed[:place] + other + sealed[place + 1:], "1.0")


def spliced(thief: Stolen) -> bytes:
    """The first half of one message and the second half of another."""
    one, two = (thief.sealed("heartbeat", heartbeat=thief.heartbeat(word)) for word in ("one", "two"))
    return envelope.request("heartbeat", one[:len(one) // 2] + two[len(two) // 2:], "1.0")


def shapeless(thief: Stolen) -> bytes:
    class Heartbeat(msgspec.Struct):
        status: str = "well"

    return thief.report("heartbeat", heartbeat=Heartbeat())


FORGED: dict[str, tuple[str, Callable[[Stolen], bytes]]] = {
    "noise": ("unopened", lambda thief: os.urandom(500)),
    "nothing": ("unopened", lambda thief: b""),
    "an envelope without anything sealed": ("unopened", lambda thief: envelope.request("heartbeat", "", "1.0")),
    "truncated": ("unopened", lambda thief: thief.report("heartbeat", heartbeat=thief.heartbeat("cut"))[:-40]),
    "bit-flipped": ("unopened", flipped),
    "spliced of two": ("unopened", spliced),
    "under a key of its own making": ("unopened", lambda thief: thief.report(
        "heartbeat", key=Key.generate(), heartbeat=thief.heartbeat("own key"))),
    "under the key of the other direction": ("unopened", lambda thief: thief.report(
        "heartbeat", key=thief.to_guest, heartbeat=thief.heartbeat("other direction"))),
    "another method in clear": ("mismatched", lambda thief: envelope.request(
        "result", thief.sealed("heartbeat", heartbeat=thief.heartbeat("two methods")), "1.0")),
    "a call where reports go": ("mismatched", lambda thief: thief.report(
        "heartbeat", kind=Kind.CALL, heartbeat=thief.heartbeat("a call"))),
    "of another shape": ("invalid", shapeless),
    "of a contract to come": ("too new", lambda thief: thief.report(
        "heartbeat", version="9.0", heartbeat=thief.heartbeat("to come"))),
    "of a contract before the first": ("too new", lambda thief: thief.report(
        "heartbeat", version="0.9", heartbeat=thief.heartbeat("long ago"))),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_its_agent_would_not_say_is_counted_and_does_nothing(field: Ground, what: str) -> None:
    reason, forge = FORGED[what]
    field.taken(f"before {what}")
    before, victim = field.dropped().get(reason, 0), field.settled(field.victim)
    field.thief.send(forge(field.thief))
    seen = field.row(field.thief.instance)["observed_sentence"]
    field.taken(f"behind {what}")
    assert seen in (f"before {what}", f"behind {what}")
    assert field.dropped()[reason] == before + 1
    assert field.settled(field.victim) == victim
    assert field.audited(field.thief.instance) and not [
        row for row in field.audited(field.victim) if row["action"] == "guest.report"]


def test_the_same_again_older_or_out_of_order_says_nothing(field: Ground) -> None:
    thief = field.thief
    now = thief.stamp()
    newest = thief.report("heartbeat", heartbeat=thief.heartbeat("newest", now))
    thief.send(newest)
    until(lambda: field.row(thief.instance)["observed_sentence"] == "newest", 30, "the newest is taken")
    row, before = field.settled(thief.instance), field.dropped().get("unopened", 0)
    stale = [msgspec.structs.replace(now, **older) for older in (
        {"sequence": now.sequence - 5}, {"boot_count": now.boot_count - 1}, {"key_epoch": now.key_epoch - 1})]
    thief.send(newest, *(thief.report("heartbeat", heartbeat=thief.heartbeat("stale", stamp)) for stamp in stale),
               newest, b"the end")
    until(lambda: field.dropped()["unopened"] > before, 30, "the end is come to")
    assert field.settled(thief.instance) == row
    assert field.row(thief.instance)["observed_sequence"] == now.sequence


def test_it_ends_no_order_of_another_and_changes_no_end_of_its_own(field: Ground) -> None:
    mine, others = field.row(field.thief.instance)["orders"], field.row(field.victim)["orders"]
    assert mine and others
    failed = t.Failure(code="internal", message="forged", hint="")
    for order in (*mine, *others, ("no such order",)):
        field.thief.send(
            field.thief.report("progress", progress=t.Progress(
                stamp=field.thief.stamp(), operation_id=order[0], sentence="forged")),
            field.thief.report("result", result=t.Result(
                stamp=field.thief.stamp(), operation_id=order[0], state=t.OperationState.FAILED, failure=failed)))
    field.taken("behind the forged results")
    assert field.row(field.victim)["orders"] == others
    assert field.row(field.thief.instance)["orders"] == mine
    told = str(field.installed.request("GET", f"/instances/{field.victim}/operations")[1])
    assert "forged" not in told


def test_a_heartbeat_for_another_is_its_own(field: Ground) -> None:
    """There is no field in which it could name one; what it says stands in its own row."""
    victim = field.settled(field.victim)
    field.taken("I am the victim, and I am full")
    assert field.settled(field.victim) == victim


def test_more_than_a_message_may_have_is_refused_by_the_broker(field: Ground) -> None:
    with pytest.raises(amqp.PreconditionFailed):
        field.thief.send(b"x" * (4 * 1024 * 1024 + 1))
    field.taken("behind what was too large")
