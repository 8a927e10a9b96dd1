"""What the journal has of an agent's orders is shown beside a running agent and after its death, without secrets."""

import json
import os
from pathlib import Path

import pytest

from tests.troveguest.support import patients
from troveguest import cli
from troveguest.journal import COMPACT_AFTER
from troveguest.support import orders


def shown(layout, capsys: pytest.CaptureFixture[str]) -> list[dict]:
    assert cli.main(["journal", "--config-dir", str(layout.config), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_order_is_shown_while_the_agent_runs_and_when_it_is_dead(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = patients.make(tmp_path)
    journal = patients.journal(layout)
    before = (layout.state / "journal").read_bytes()
    running = shown(layout, capsys)
    assert [(each["id"], each["state"], each["told"]) for each in running] == [
        ("done", "done", True), ("failed", "failed", False), ("open", "running", False)]
    assert running[1]["failure"] == {"code": "engine_failed", "message": "It said no.", "hint": "Look."}
    assert {(each["instance_id"], each["accepted"], each["deadline"]) for each in running} == {
        (patients.ID, "1970-01-01T00:00:01Z", "1970-01-01T00:01:01Z")}
    assert (layout.state / "journal").read_bytes() == before, "looking changes nothing"
    journal.close()
    (layout.state / "journal").write_bytes(before + b"torn")
    assert shown(layout, capsys) == running


def test_times_are_kept_when_the_journal_is_written_anew(tmp_path: Path) -> None:
    layout = patients.make(tmp_path)
    patients.journal(layout).close()
    patients.journal(layout).close()  # its beginning compacts the file
    assert len((layout.state / "journal").read_bytes().splitlines()) < COMPACT_AFTER
    assert {each["accepted"] for each in orders.entries(layout)} == {"1970-01-01T00:00:01Z"}


def test_people_see_a_line_for_each_and_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = patients.make(tmp_path)
    patients.journal(layout).close()
    assert cli.main(["journal", "--config-dir", str(layout.config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "1970-01-01T00:00:01Z  done  restart  done  until 1970-01-01T00:01:01Z",
        "1970-01-01T00:00:01Z  failed  restart  failed  until 1970-01-01T00:01:01Z  It said no. Look.",
        "1970-01-01T00:00:01Z  open  prepare  running  until 1970-01-01T00:01:01Z"]


def test_the_secrets_of_an_order_are_known_by_their_type(tmp_path: Path) -> None:
    layout = patients.make(tmp_path)
    journal = patients.journal(layout)
    assert sorted(orders.secrets(layout)) == ["annas own", "roots"]
    journal.accept(patients.order("newer", "of_a_later_release", what={"secret": "who knows"}))
    assert {"annas own", "roots", "who knows"} < set(orders.secrets(layout))
    journal.close()


@pytest.mark.parametrize(("words", "code", "said"), [
    (["--config-dir"], 1, "option --config-dir requires"), (["nonsense", "x"], 1, "nonsense"),
    (["--config-dir", "/nonexistent/config"], 1, "There is no journal in /nonexistent/state.")])
def test_what_cannot_be_shown_is_said(
        words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["journal", *words]) == code
    assert said in capsys.readouterr().err


def test_a_journal_of_somebody_else_is_not_opened_through_a_link(tmp_path: Path) -> None:
    layout = patients.make(tmp_path)
    patients.journal(layout).close()
    os.rename(layout.state / "journal", tmp_path / "elsewhere")
    (layout.state / "journal").symlink_to(tmp_path / "elsewhere")
    assert orders.entries(layout) == []
