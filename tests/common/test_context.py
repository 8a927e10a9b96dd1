"""The request context: bound to a thread or task, carried as JSON, and without credentials."""

import re
import threading

import msgspec
import pytest

from common.openstack import context
from common.openstack.context import RequestContext


def test_it_is_bound_inside_the_block_alone():
    asked = RequestContext(request_id="req-1", project_id="p")
    with context.bind(asked):
        assert context.current() is asked
        with context.bind(RequestContext(request_id="req-2")):
            assert context.current().request_id == "req-2"
        assert context.current() is asked
    assert context.current() is context.NOBODY


def test_it_is_unbound_after_an_error():
    with pytest.raises(KeyError), context.bind(RequestContext(request_id="req-1")):
        raise KeyError
    assert context.current() is context.NOBODY


def test_another_thread_has_its_own():
    seen = []
    with context.bind(RequestContext(request_id="req-1")):
        thread = threading.Thread(target=lambda: seen.append(context.current()))
        thread.start()
        thread.join()
    assert seen == [context.NOBODY]


def test_it_travels_as_json():
    asked = RequestContext(request_id="req-1", user_id="u", project_id="p", roles=("member",), is_admin=True)
    assert msgspec.json.decode(msgspec.json.encode(asked), type=RequestContext) == asked


def test_a_newer_peers_fields_are_passed_over():
    assert msgspec.json.decode(b'{"request_id":"req-1","colour":"blue"}', type=RequestContext).request_id == "req-1"


def test_no_field_could_hold_a_credential():
    fields = RequestContext.__struct_fields__
    assert not {field for field in fields if re.search("token|secret|password|catalog", field)}
