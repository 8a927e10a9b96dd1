"""What a command prints has names in it that others chose."""

import json

import pytest
import typer

from common.errors import Refused
from trove.cli.output import Output

HOSTILE = "a\x1b[2J\x1b]0;title\x07\x9b31m\u202eb [red]<b>\r\x00"
WRITTEN = "a\\x1b[2J\\x1b]0;title\\x07\\x9b31m\\u202eb [red]<b>\\r\\x00"


def test_what_would_steer_a_terminal_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.rows(("Name",), [(HOSTILE,)])
    output.say(HOSTILE)
    with pytest.raises(typer.Exit), output.reported():
        raise Refused(HOSTILE)
    printed = capsys.readouterr()
    assert printed.out.count(WRITTEN) == 2 and WRITTEN in printed.err
    assert printed.out.replace("\n", "").isprintable() and printed.err.replace("\n", "").isprintable()


def test_a_document_says_the_same_without_what_steers(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).document({"name": HOSTILE, "place": "Zürich"})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"name": HOSTILE, "place": "Zürich"}
    assert "Zürich" in printed and printed.rstrip("\n").isprintable()
