"""``trovectl`` as somebody types it."""

import json
from typing import Any
from unittest import mock

from typer import testing
from typer.main import get_command

from tests.trove.cli.served import Served
from trove.cli.main import app

PROGRAM = get_command(app)
"""Made once: for each command typed anew its 35 ms would be most of what these tests take."""


def ended(*words: str, **options: Any) -> testing.Result:
    """How ``trovectl`` with ``words`` ends; ``options`` as ``CliRunner.invoke`` takes them."""
    with mock.patch.object(testing, "_get_command", {app: PROGRAM}.__getitem__):
        return testing.CliRunner().invoke(app, words, **options)


def trovectl(*words: str, api: Served | None = None, typed: str | None = None) -> testing.Result:
    """``api``: where it is asked; ``typed`` stands on standard input, which is no terminal."""
    where = ["--endpoint", api.endpoint] if api else []
    if api and "--project" not in words:
        where += ["--project", api.project]
    return ended(*words, *where, input=typed)


def document(*words: str, api: Served, code: int = 0, typed: str | None = None) -> Any:
    """The one JSON document that the command prints with ``--json``; it ends with ``code``."""
    shown = trovectl(*words, "--json", api=api, typed=typed)
    assert shown.exit_code == code, shown.output
    return json.loads(shown.stdout)
