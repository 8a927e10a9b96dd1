"""``trovectl`` as somebody types it."""

import json
from typing import Any

from typer.testing import CliRunner, Result

from tests.trove.cli.served import Served
from trove.cli.main import app


def trovectl(*words: str, api: Served | None = None, typed: str | None = None) -> Result:
    """``api``: where it is asked; ``typed`` stands on standard input, which is no terminal."""
    where = ["--endpoint", api.endpoint] if api else []
    if api and "--project" not in words:
        where += ["--project", api.project]
    return CliRunner().invoke(app, [*words, *where], input=typed)


def document(*words: str, api: Served, code: int = 0, typed: str | None = None) -> Any:
    """The one JSON document that the command prints with ``--json``; it ends with ``code``."""
    shown = trovectl(*words, "--json", api=api, typed=typed)
    assert shown.exit_code == code, shown.output
    return json.loads(shown.stdout)
