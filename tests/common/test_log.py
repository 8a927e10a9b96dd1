"""Log lines are one sentence with fields, carry the request id, and show no secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from common.openstack import context, log
from common.secret import Secret


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _lines(*, as_json: bool = False, debug: bool = False) -> tuple[log.Log, io.StringIO]:
    stream = io.StringIO()
    log.setup(as_json=as_json, debug=debug, stream=stream)
    return log.get("troveguest.test"), stream


def test_a_line_is_a_sentence_with_fields_under_the_request_id() -> None:
    source, stream = _lines()
    with context.bind(context.RequestContext(request_id="req-1")):
        source.info("The server runs again.", attempts=3, why="it had died", level=None)
    moment, rest = stream.getvalue().split(" ", 1)
    assert moment.endswith("Z") and "T" in moment
    assert rest == 'INFO troveguest.test [req-1] The server runs again. attempts=3 why="it had died" level=None\n'


def test_a_json_line_is_one_object() -> None:
    source, stream = _lines(as_json=True)
    with context.bind(context.RequestContext(request_id="req-2")):
        source.warning("No\nway.", attempts=3, password=Secret("hunter2"))
    line = json.loads(stream.getvalue())
    assert line.pop("time")
    assert line == {"level": "WARNING", "logger": "troveguest.test", "request_id": "req-2", "message": "No\nway.",
                    "attempts": 3, "password": "***"}


def test_a_field_cannot_pose_as_the_head_of_a_json_line() -> None:
    source, stream = _lines(as_json=True)
    source.info("True.", message="false", logger="elsewhere")
    line = json.loads(stream.getvalue())
    assert (line["message"], line["logger"]) == ("True.", "troveguest.test")


def test_a_secret_is_never_shown() -> None:
    source, stream = _lines()
    source.info(f"It is {Secret('hunter2')}.", password=Secret("hunter2"), both=(Secret("hunter2"),))
    logging.getLogger("common.elsewhere").warning("It is %s and %r.", Secret("hunter2"), Secret("hunter2"))
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("***") == 5


def test_text_of_others_stays_on_one_line_and_is_cut() -> None:
    source, stream = _lines()
    source.info("It said:", output="a\nERROR forged\x1b[2J" + "x" * 5000)
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert len(stream.getvalue()) < log.VALUE_LIMIT + 200


def test_a_request_id_of_others_cannot_forge_a_line() -> None:
    source, stream = _lines()
    with context.bind(context.RequestContext(request_id="req-1]\nERROR forged [")):
        source.info("True.")
    assert stream.getvalue().count("\n") == 1


def test_an_error_brings_its_trace() -> None:
    source, stream = _lines()
    try:
        raise ValueError("no")
    except ValueError as error:
        source.error("A defect.", error)
    assert "A defect.\nTraceback" in stream.getvalue()
    assert "ValueError: no" in stream.getvalue()


def test_debugging_is_an_option_and_libraries_speak_from_warnings_upwards() -> None:
    source, stream = _lines()
    source.debug("Small.")
    logging.getLogger("amqp").info("Chatter.")
    assert stream.getvalue() == ""
    source, stream = _lines(debug=True)
    source.debug("Small.")
    logging.getLogger("amqp").debug("Chatter.")
    logging.getLogger("amqp").warning("Heed this.")
    assert "Small." in stream.getvalue() and "Heed this." in stream.getvalue() and "Chatter" not in stream.getvalue()
