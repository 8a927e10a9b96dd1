"""Calls over a real broker: answered, refused, late, repeated, copied."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import amqp
import pytest

from common.contract import types as t
from common.errors import DeadlinePassed, NotFound, Stale, TooOld, Unreachable, Unsupported
from common.openstack import context
from common.openstack.rpc.envelope import Refusal
from common.secret import Secret
from tests import awaiting
from tests.keys import drawn
from trove.bus import names

pytestmark = pytest.mark.server


def test_a_call_is_answered_with_typed_values(peers):
    peers.serve()
    credential = peers.proxy.enable_root(password=Secret("hunter2"))
    assert credential == t.RootCredential(name="root", password=Secret("hunter2"))
    assert peers.proxy.is_root_enabled() is True


def test_the_context_and_the_deadline_travel(peers):
    peers.serve()
    asked = context.RequestContext(request_id="req-7", project_id="p", user_id="u", roles=("member",))
    with context.bind(asked):
        peers.proxy.rpc_ping(deadline=7.0)
    assert peers.requests[0].context == asked
    assert 6.0 < peers.requests[0].timeout <= 7.0


def test_an_error_of_the_closed_list_arrives_as_itself(peers):
    def missing(request):
        raise NotFound("There is no account ada@%.", "List the users.")

    peers.serve()
    peers.dispatch = missing
    with pytest.raises(NotFound, match="ada") as raised:
        peers.proxy.delete_user(user=t.UserRef(name="ada"))
    assert raised.value.hint == "List the users."


def test_a_defect_of_the_agent_travels_without_its_text(peers):
    def broken(request):
        raise KeyError("secret-in-a-trace")

    peers.serve()
    peers.dispatch = broken
    with pytest.raises(Exception, match="defect") as raised:
        peers.proxy.rpc_ping()
    assert raised.value.code == "internal"
    assert "secret-in-a-trace" not in raised.value.sentence()


def test_a_call_to_an_agent_that_is_down_says_nothing_of_the_database(peers):
    with pytest.raises(DeadlinePassed) as raised:
        peers.proxy.rpc_ping(deadline=0.3)
    assert "nothing about the database" in raised.value.sentence()


def test_a_call_that_came_too_late_is_not_run(peers):
    def waiting():
        return peers.bus.run(lambda channel: channel.queue_declare(names.guest_queue(peers.instance_id), passive=True))

    with pytest.raises(DeadlinePassed):
        peers.proxy.rpc_ping(deadline=0.3)
    awaiting.until(lambda: waiting().message_count == 0, 20, "the broker drops the call")
    peers.serve()
    assert peers.proxy.is_root_enabled() is True
    assert [request.method.name for request in peers.requests] == ["is_root_enabled"]


def test_a_late_reply_is_dropped_quietly(peers, caplog):
    release, answered = threading.Event(), threading.Event()

    def slow(request):
        if request.method.name == "rpc_ping":
            release.wait(20)
            answered.set()
        return True

    peers.serve()
    peers.dispatch = slow
    with caplog.at_level("DEBUG"), pytest.raises(DeadlinePassed):
        peers.proxy.rpc_ping(deadline=0.3)
    with caplog.at_level("DEBUG"):
        release.set()
        assert answered.wait(20)
        peers.proxy.is_root_enabled()
    late = [record for record in caplog.records if "came too late" in record.message]
    assert [record.levelname for record in late] == ["DEBUG"]


def test_a_call_for_an_earlier_life_is_repeated_once_by_the_client(peers):
    peers.serve(incarnation="second")
    assert peers.proxy.is_root_enabled() is True
    assert len(peers.requests) == 1
    assert peers.proxy.is_root_enabled() is True


def test_the_first_call_ever_learns_the_incarnation(peers):
    peers.known = dataclasses.replace(peers.known, incarnation=None)
    peers.serve(incarnation="any")
    assert peers.proxy.is_root_enabled() is True


def test_an_agent_that_restarts_at_every_call_is_reported(peers, monkeypatch):
    server = peers.serve(incarnation="second")
    tell = server._answer

    def answer_and_restart(clear, body):
        tell(clear, body)
        server._incarnation += "+"

    monkeypatch.setattr(server, "_answer", answer_and_restart)
    with pytest.raises(Stale, match="again and again"):
        peers.proxy.is_root_enabled()
    assert not peers.requests


def test_copied_bytes_do_nothing_the_second_time(peers, monkeypatch):
    sent = []
    publish = peers.bus.publish

    def copying(exchange, key, body, **options):
        sent.append((exchange, key, body))
        publish(exchange, key, body, **options)

    monkeypatch.setattr(peers.bus, "publish", copying)
    server = peers.serve()
    assert peers.proxy.is_root_enabled() is True
    publish(*sent[0])
    peers.proxy.rpc_ping()
    assert [request.method.name for request in peers.requests] == ["is_root_enabled", "rpc_ping"]
    assert server.refused[Refusal.REPLAYED] == 1


def test_an_agent_with_other_keys_refuses_in_clear_and_learns_nothing(peers):
    peers.serve(keys=drawn())
    with pytest.raises(Unreachable, match="cannot be opened"):
        peers.proxy.rpc_ping()
    assert not peers.requests


def test_another_method_in_clear_is_refused(peers, monkeypatch):
    publish = peers.bus.publish

    def renaming(exchange, key, body, **options):
        publish(exchange, key, body.replace(b"is_root_enabled", b"disable_root"), **options)

    peers.serve()
    monkeypatch.setattr(peers.bus, "publish", renaming)
    with pytest.raises(Unreachable, match="not the sealed one"):
        peers.proxy.is_root_enabled()
    assert not peers.requests


def test_a_guest_cannot_refuse_for_another(peers, new_guest, make_bus):
    """A reply in clear counts only from the login of the guest that was asked."""
    from common.openstack.rpc import envelope

    other = new_guest()
    stranger = make_bus(other.address, "stranger")
    peers.client.of(other.instance_id)
    peers.bus.run(lambda channel: peers.client._bind_on(channel, other.instance_id))

    def lie(request):
        pending = next(iter(peers.client._pending))
        stranger.publish(names.reports(other.instance_id), peers.client._reply_queue,
                         envelope.refusal(pending, Refusal.UNOPENED))
        awaiting.until(lambda: peers.client.refused == {"not asked": 1}, 4, "the lie is counted")
        return True

    peers.serve()
    peers.dispatch = lie
    assert peers.proxy.is_root_enabled() is True


def test_what_the_agent_cannot_do_is_not_asked(peers):
    peers.known = dataclasses.replace(peers.known, capabilities=frozenset({"databases"}))
    with pytest.raises(Unsupported, match="users"):
        peers.proxy.list_users(page=t.PageRequest(), deadline=0.1)
    peers.known = dataclasses.replace(peers.known, contract_version="2.0")
    with pytest.raises(TooOld, match=r"speaks version 2.0") as raised:
        peers.proxy.rpc_ping(deadline=0.1)
    assert raised.value.hint == "Upgrade the control plane."


def test_a_guest_that_is_not_there_is_unreachable_at_once(peers):
    with pytest.raises(Unreachable, match="no such guest"):
        peers.client.of("nobody").rpc_ping()
    assert peers.bus.connected


def test_a_guest_without_a_queue_is_unreachable_at_once(peers):
    peers.bus.run(lambda channel: channel.queue_delete(names.guest_queue(peers.instance_id)))
    with pytest.raises(Unreachable, match="no queue"):
        peers.proxy.rpc_ping()


def test_a_thousand_calls_at_once_each_get_their_own_answer(peers):
    peers.serve()
    peers.dispatch = lambda request: t.UserPage(items=(), next_marker=request.arguments["page"].marker)

    def ask(number):
        page = t.PageRequest(marker=str(number))
        return peers.proxy.list_users(page=page, deadline=60.0).next_marker

    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(ask, range(1000))) == [str(number) for number in range(1000)]
    assert not peers.client._pending


def test_a_refused_declaration_harms_nobody_else(peers):
    peers.serve()
    with pytest.raises(amqp.NotFound):
        peers.bus.run(lambda channel: channel.queue_declare("nowhere", passive=True))
    assert peers.proxy.is_root_enabled() is True
