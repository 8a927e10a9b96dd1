"""A guest with its own login and keys that answers and reports what no agent does, over a real broker."""

import contextlib
import queue
from collections.abc import Callable, Iterator

import pytest

from common.contract import types as t
from common.crypto import random_id
from common.errors import DeadlinePassed, EngineFailed
from common.openstack.rpc import envelope, sealing
from tests.awaiting import until
from trove.bus import guests, names, reports
from trove.bus.reports import ConductorServer

from .conftest import PATIENCE, Peers

pytestmark = pytest.mark.server

NESTED = b"[" * 100_000
DEEP = {
    "in clear": envelope._encoder.encode({"oslo.version": "2.0", "oslo.message": NESTED.decode()}),
    "around it": b'{"oslo.version":' + NESTED,
}


def to_caller(peers: Peers, *bodies: bytes) -> None:
    """As the guest sends an answer."""
    for body in bodies:
        peers.guest_bus.publish(names.reports(peers.instance_id), peers.client._reply_queue, body)


@pytest.fixture
def asked(peers: Peers) -> Peers:
    """One whose answers have a way to the caller."""
    peers.serve()
    assert peers.proxy.is_root_enabled() is True
    return peers


def test_a_guest_that_answers_what_nobody_asked_is_cut_off_and_comes_back_when_it_is_asked(asked: Peers) -> None:
    stray = envelope.reply(random_id(), "")
    to_caller(asked, *[stray] * (10 * guests.MOST_STRAYS))
    until(lambda: asked.instance_id not in asked.client._bound, PATIENCE, "it is cut off")
    seen = asked.client.refused["not waited for"]
    assert seen >= guests.MOST_STRAYS
    until(lambda: answers(asked), PATIENCE, "it answers when the flood is over")


def answers(peers: Peers) -> bool:
    with contextlib.suppress(DeadlinePassed):
        return bool(peers.proxy.is_root_enabled(deadline=2.0))
    return False


def test_a_flood_of_answers_costs_a_line_of_the_log_and_not_one_each(asked: Peers,
                                                                    caplog: pytest.LogCaptureFixture) -> None:
    to_caller(asked, *[b"noise"] * (10 * guests.MOST_STRAYS))
    until(lambda: asked.instance_id not in asked.client._bound, PATIENCE, "it is cut off")
    assert len([record for record in caplog.records if record.name == guests.LOG.name]) <= 3


@pytest.mark.parametrize("where", DEEP)
def test_an_answer_that_is_nested_without_end_is_counted(asked: Peers, where: str,
                                                         caplog: pytest.LogCaptureFixture) -> None:
    to_caller(asked, DEEP[where])
    until(lambda: asked.client.refused["malformed"] == 1, PATIENCE, "it is counted")
    assert asked.proxy.is_root_enabled() is True
    assert "defect" not in caplog.text


@pytest.mark.parametrize(("found", "said"), [
    (t.UserPage(items=tuple(t.User(name=f"u{n}") for n in range(2000))), "more than was asked"),
    (t.RootCredential(name="root", password="x"), "another shape"),
    (["[" * 500], "another shape"),
])
def test_an_answer_of_another_size_or_shape_is_the_guests_fault(asked: Peers, found: object, said: str) -> None:
    asked.dispatch = lambda request: found
    with pytest.raises(EngineFailed, match=said):
        asked.proxy.list_users(page=t.PageRequest(limit=20))


def test_an_error_with_markup_and_control_characters_is_shown_as_one_plain_line(asked: Peers) -> None:
    def refuse(request: object) -> object:
        raise EngineFailed("\x1b[2J<script>\r\nTrove: all is well\x00" + "x" * 10**5, "\x1b]0;hint\x07")

    asked.dispatch = refuse
    with pytest.raises(EngineFailed) as refused:
        asked.proxy.is_root_enabled()
    assert refused.value.sentence().isprintable() and len(refused.value.sentence()) < 5000
    assert refused.value.message.startswith("\\x1b[2J<script> Trove: all is well\\x00x")


@pytest.fixture
def taken(peers: Peers) -> "Iterator[queue.SimpleQueue[str]]":
    """The sentences of heartbeats that are taken."""
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()
    server = ConductorServer(peers.bus, lambda _: {1: peers.keys.from_guest},
                             lambda _id, _method, said: heard.put(said["heartbeat"].sentence))
    peers.dropped = server.dropped  # type: ignore[attr-defined]
    server.start()
    server.watch(peers.instance_id)
    yield heard
    server.stop()


def report(peers: Peers, sentence: str, change: Callable[[bytes], bytes] = lambda body: body) -> None:
    said = t.Heartbeat(stamp=t.Stamp(key_epoch=1, boot_count=1, sequence=1), status=t.ServiceStatus.HEALTHY,
                       sentence=sentence, sent_at=1.0)
    request = sealing.request(reports.methods(reports.Conductor)["heartbeat"], {"heartbeat": said}, "1.0")
    body = envelope.request("heartbeat", sealing.seal(peers.keys.from_guest, request), "1.0")
    peers.guest_bus.publish(names.reports(peers.instance_id), names.CONDUCTOR_KEY, change(body), confirm=True)


def test_a_bit_that_is_flipped_anywhere_changes_nothing_or_is_refused(peers: Peers, taken: "queue.SimpleQueue[str]",
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """Every region: what is not sealed may change without effect, what is sealed opens no more."""
    size = len(_body(peers))
    for place in range(0, size, max(1, size // 60)):
        report(peers, "genuine", lambda body, at=place: body[:at] + bytes([body[at] ^ 1]) + body[at + 1:])
    report(peers, "the end")
    heard = list(iter(lambda: taken.get(timeout=PATIENCE), "the end"))
    assert set(heard) <= {"genuine"}
    assert sum(peers.dropped.values()) + len(heard) >= 60  # type: ignore[attr-defined]
    assert sum(peers.dropped.values()) > 30  # type: ignore[attr-defined]


def _body(peers: Peers) -> bytes:
    caught: list[bytes] = []

    def catch(body: bytes) -> bytes:
        caught.append(body)
        return body

    report(peers, "genuine", catch)
    return caught[0]


def test_an_oversized_report_is_counted_and_is_not_kept_in_memory(peers: Peers,
                                                                  taken: "queue.SimpleQueue[str]") -> None:
    report(peers, "long", lambda body: body + b" " * reports.MOST_BYTES)
    report(peers, "the end")
    assert taken.get(timeout=PATIENCE) == "the end"
    assert peers.dropped == {"oversized": 1}  # type: ignore[attr-defined]


@pytest.mark.parametrize("where", DEEP)
def test_a_report_that_is_nested_without_end_is_counted(peers: Peers, taken: "queue.SimpleQueue[str]",
                                                        where: str) -> None:
    report(peers, "deep", lambda _: DEEP[where])
    report(peers, "the end")
    assert taken.get(timeout=PATIENCE) == "the end"
    assert peers.dropped == {"unopened": 1}  # type: ignore[attr-defined]


def test_a_flood_of_refused_reports_is_one_line_of_the_log(peers: Peers, taken: "queue.SimpleQueue[str]",
                                                           caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(50):
        report(peers, "noise", lambda _: b"noise")
    report(peers, "the end")
    assert taken.get(timeout=PATIENCE) == "the end"
    assert peers.dropped == {"unopened": 50}  # type: ignore[attr-defined]
    assert len([record for record in caplog.records if record.name == reports.LOG.name]) == 1


def test_who_floods_waits_and_is_told_so_by_its_broker(peers: Peers, taken: "queue.SimpleQueue[str]",
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(reports.BURST + 30):
        report(peers, "flood")
    for _ in range(reports.BURST):
        assert taken.get(timeout=PATIENCE) == "flood"
    with pytest.raises(queue.Empty):
        for _ in range(30):
            taken.get(timeout=0.05)


def test_a_report_does_not_choose_what_it_is_logged_under(peers: Peers) -> None:
    from common.openstack.context import RequestContext
    forged = RequestContext(request_id="req-1\nERROR forged", user_id="admin", roles=("admin",), is_admin=True)
    assert reports._asked_by(forged) == RequestContext(request_id="")
    assert reports._asked_by(RequestContext(request_id="req-1", is_admin=True)) == RequestContext(request_id="req-1")


