"""The clear shape is oslo.messaging 2.0's, and nothing that arrives breaks the reader."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from common.openstack.rpc import envelope
from common.openstack.rpc.envelope import Refusal

TEXT = st.text(max_size=40)


def inner(body):
    outer = json.loads(body)
    assert set(outer) == {"oslo.version", "oslo.message"}
    assert outer["oslo.version"] == "2.0"
    return json.loads(outer["oslo.message"])


def wrap(message, version="2.0"):
    return json.dumps({"oslo.version": version, "oslo.message": json.dumps(message)}).encode()


def test_a_request_has_the_keys_that_oslo_messaging_writes():
    message = inner(envelope.request("rpc_ping", "c2VhbGVk", "1.0", message_id="m", reply_queue="reply_1"))
    unique = message.pop("_unique_id")
    assert len(unique) == 32
    assert message == {"method": "rpc_ping", "args": {"sealed": "c2VhbGVk"}, "version": "1.0", "_msg_id": "m",
                       "_reply_q": "reply_1", "_timeout": None}


def test_a_reply_has_the_keys_that_oslo_messaging_writes():
    message = inner(envelope.reply("m", "c2VhbGVk"))
    assert len(message.pop("_unique_id")) == 32
    assert message == {"result": "c2VhbGVk", "failure": None, "ending": True, "_msg_id": "m"}


@pytest.mark.parametrize("reason", list(Refusal))
def test_a_refusal_is_a_failure_in_oslo_messagings_form(reason):
    message = inner(envelope.refusal("m", reason))
    failure = json.loads(message["failure"])
    assert message["result"] is None
    assert set(failure) == {"class", "module", "message", "tb", "args", "kwargs"}
    assert failure["message"] == reason.value


@given(TEXT, TEXT, TEXT, st.none() | TEXT)
def test_requests_are_read_as_they_were_written(method, sealed, version, reply_queue):
    read = envelope.read(
        envelope.request(method, sealed, version, message_id="m", reply_queue=reply_queue), envelope.Request)
    assert (read.method, read.args.sealed, read.version, read.message_id, read.reply_queue) == (
        method, sealed, version, "m", reply_queue)


def test_what_a_peer_adds_in_clear_is_passed_over():
    message = {"method": "m", "args": {"sealed": "x"}, "_context_user": "u", "namespace": None, "_unique_id": "1"}
    assert envelope.read(wrap(message), envelope.Request).args.sealed == "x"


@pytest.mark.parametrize("message", [
    {"method": "m", "args": {}}, {"method": "m", "args": {"sealed": 1}}, {"args": {"sealed": "x"}}, [], None,
    {"method": "m", "args": {"sealed": "x", "plain": 1}},
])
def test_a_request_without_exactly_one_sealed_argument_is_refused(message):
    with pytest.raises(Invalid):
        envelope.read(wrap(message), envelope.Request)


def test_another_major_version_is_refused():
    request = {"method": "m", "args": {"sealed": "x"}}
    assert envelope.read(wrap(request, "2.7"), envelope.Request).method == "m"
    with pytest.raises(Invalid, match="version 3"):
        envelope.read(wrap(request, "3.0"), envelope.Request)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_way(body):
    for kind in (envelope.Request, envelope.Reply):
        with pytest.raises(Invalid):
            envelope.read(body, kind)


@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXT,
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8))
def test_any_json_is_refused_in_one_way(value):
    for body in (json.dumps(value).encode(), wrap(value)):
        with pytest.raises(Invalid):
            envelope.read(body, envelope.Request)
