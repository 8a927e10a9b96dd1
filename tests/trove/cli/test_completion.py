"""What the shell is offered."""

from pathlib import Path

import pytest

from tests.trove.cli.served import Served
from tests.trove.cli.typed import ended


def offered(*words: str) -> list[str]:
    """For the last of ``words``, of which nothing or a part is typed."""
    environment = {"_TROVECTL_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(("trovectl", *words)),
                   "COMP_CWORD": str(len(words))}
    return ended(env=environment, prog_name="trovectl").stdout.split()


def test_commands_and_options_are_offered() -> None:
    assert {"instance", "user", "database", "up", "doctor"} <= set(offered(""))
    assert offered("instance", "res") == ["restart"]
    assert "--password-file" in offered("instance", "connect", "orders", "--")


def test_names_of_instances_are_offered(api: Served) -> None:
    for name in ("orders", "orchids", "stock"):
        api.instance(name)
    where = ("--endpoint", api.endpoint, "--project", api.project)
    assert offered("instance", "show", *where, "or") == ["orchids", "orders"]
    assert offered("user", "list", *where, "s") == ["stock"]


@pytest.mark.parametrize("where", ["--endpoint", "--state"])
def test_without_an_answer_nothing_is_offered_and_nothing_said(where: str, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1" if where == "--endpoint" else str(tmp_path)
    assert offered("instance", "show", where, nobody, "o") == []
