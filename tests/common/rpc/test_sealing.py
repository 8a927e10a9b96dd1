"""What is sealed comes back in its types; what is not a message of its kind does not open."""

import dataclasses
from typing import Protocol

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contract import Conductor, Guest, methods
from common.contract import types as t
from common.contract.declare import Kind, call
from common.crypto import Unopened
from common.errors import Invalid
from common.openstack.context import RequestContext
from common.openstack.rpc import sealing
from common.secret import Secret
from tests import keys
from trove.bus import replies

KEYS = keys.drawn()
GUEST = methods(Guest)
PASSWORD = Secret("hunter2")


def request(arguments=None, method="enable_root", **changes):
    wanted = GUEST[method]
    values = {
        "kind": wanted.kind, "version": "1.0", "method": method, "context": RequestContext(request_id="req-1"),
        "arguments": sealing.pack_arguments(wanted, arguments or {"password": PASSWORD}), "message_id": "m",
        "timeout": 5.0, "sent_at": 1000.0,
    }
    return sealing.Request(**values | changes)


def test_a_request_opens_as_it_was_sealed():
    opened = sealing.unseal(KEYS.to_guest, sealing.seal(KEYS.to_guest, request()), sealing.Request)
    assert opened.context.request_id == "req-1"
    assert sealing.unpack_arguments(GUEST["enable_root"], opened.arguments) == {"password": PASSWORD}


@given(st.floats(0, 1e9), st.floats(0, 1e12), st.text(), st.sampled_from(Kind))
def test_every_field_is_kept(timeout, sent_at, operation_id, kind):
    sealed = request(timeout=timeout, sent_at=sent_at, operation_id=operation_id, kind=kind)
    opened = sealing.unseal(KEYS.to_guest, sealing.seal(KEYS.to_guest, sealed), sealing.Request)
    for name in ("timeout", "sent_at", "operation_id", "kind", "message_id", "incarnation", "version"):
        assert getattr(opened, name) == getattr(sealed, name)


@given(st.data())
def test_a_changed_text_does_not_open(data):
    sealed = sealing.seal(KEYS.to_guest, request())
    place = data.draw(st.integers(0, len(sealed) - 3))
    other = data.draw(st.characters().filter(lambda one: one != sealed[place]))
    with pytest.raises(Unopened):
        sealing.unseal(KEYS.to_guest, sealed[:place] + other + sealed[place + 1:], sealing.Request)


def test_the_keys_of_the_two_directions_are_not_one():
    with pytest.raises(Unopened):
        sealing.unseal(KEYS.from_guest, sealing.seal(KEYS.to_guest, request()), sealing.Request)


def test_a_reply_is_no_request_and_a_request_no_reply():
    reply = sealing.Reply(message_id="m", incarnation="x", value=sealing.pack_value(None))
    with pytest.raises(Unopened):
        sealing.unseal(KEYS.to_guest, sealing.seal(KEYS.to_guest, reply), sealing.Request)
    with pytest.raises(Unopened):
        sealing.unseal(KEYS.to_guest, sealing.seal(KEYS.to_guest, request()), sealing.Reply)
    assert sealing.unseal(KEYS.to_guest, sealing.seal(KEYS.to_guest, reply), sealing.Reply) == reply


@given(st.binary(max_size=100))
def test_other_content_under_the_right_key_does_not_open(plain):
    with pytest.raises(Unopened):
        sealing.unseal(KEYS.to_guest, KEYS.to_guest.seal_text(bytes(bytearray(plain))), sealing.Request)


@pytest.mark.parametrize("packed", [b"{}", b"[]", b'{"password":1}', b'{"password":null,"more":1}', b"null"])
def test_arguments_of_another_shape_are_invalid(packed):
    with pytest.raises(Invalid):
        sealing.unpack_arguments(GUEST["enable_root"], msgspec.Raw(packed))


def test_arguments_beyond_their_limits_are_invalid():
    with pytest.raises(Invalid, match="limit"):
        sealing.unpack_arguments(GUEST["list_users"], msgspec.Raw(b'{"page":{"limit":0}}'))


@pytest.mark.parametrize("arguments", [{}, {"password": None, "more": 1}, {"word": None}])
def test_a_caller_that_names_other_arguments_is_wrong(arguments):
    with pytest.raises(TypeError, match="enable_root takes"):
        sealing.pack_arguments(GUEST["enable_root"], arguments)


def test_secrets_are_in_no_repr():
    credential = t.RootCredential(name="root", password=PASSWORD)
    assert "hunter2" not in repr(credential)
    packed = sealing.pack_value(credential)
    unpacked = replies.value(GUEST["enable_root"], {}, sealing.Reply(message_id="m", incarnation="i", value=packed))
    assert unpacked == credential
    assert "hunter2" not in repr(unpacked)
    assert "Key(" not in repr(dataclasses.replace(KEYS))


@pytest.mark.parametrize("method", [*GUEST.values(), *methods(Conductor).values()], ids=lambda method: method.name)
def test_every_method_of_the_contract_can_be_packed_and_unpacked(method):
    """Its argument types are ones that the codec knows; what is missing is refused by name."""
    if method.arguments:
        with pytest.raises(Invalid):
            sealing.unpack_arguments(method, msgspec.Raw(b"{}"))
    else:
        assert sealing.unpack_arguments(method, msgspec.Raw(b"{}")) == {}


def test_two_contracts_with_the_same_name_do_not_share_types():
    class One(Protocol):
        @call()
        def ask(self, value: int) -> None: ...

    class Two(Protocol):
        @call()
        def ask(self, value: str) -> None: ...

    packed = msgspec.Raw(b'{"value":"x"}')
    with pytest.raises(Invalid):
        sealing.unpack_arguments(methods(One)["ask"], packed)
    assert sealing.unpack_arguments(methods(Two)["ask"], packed) == {"value": "x"}
