"""``trovectl instance`` against the API."""

from pathlib import Path

import pytest

from tests.trove.cli.served import Served
from tests.trove.cli.typed import document, trovectl
from trove.cli import output
from trove.standalone import service
from trove.standalone.state import State


def test_an_instance_is_made_waited_for_and_shown(api: Served, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\nnot this\n")
    made = trovectl("instance", "create", "orders", "--size", "2", "--database", "shop", "--user", "anna",
                    "--password-file", str(tmp_path / "password"), "--wait", api=api)
    assert made.exit_code == 0 and "The instance orders serves." in made.stdout
    assert "s3cret" not in made.output
    shown = document("instance", "show", "orders", api=api)["instance"]
    assert (shown["status"], shown["operating_status"], shown["volume"]["size"]) == ("ACTIVE", "HEALTHY", 2)
    table = trovectl("instance", "show", "orders", api=api).stdout
    assert shown["id"] in table and "127.64.0." in table and "2 GB" in table


def test_a_generated_password_is_shown_once_and_in_the_document(api: Served) -> None:
    made = document("instance", "create", "orders", "--database", "shop", "--user", "anna", "--user", "bert", api=api)
    assert set(made["generated_passwords"]) == {"anna", "bert"}
    assert len(set(made["generated_passwords"].values())) == 2 and len(made["generated_passwords"]["anna"]) >= 20
    told = trovectl("instance", "create", "stock", "--user", "carl", api=api).stdout
    assert "The password of carl is shown this once:" in told


def test_a_password_on_standard_input(api: Served) -> None:
    made = document("instance", "create", "orders", "--user", "anna", "--password-file", "-", api=api, typed="abc\n")
    assert made["generated_passwords"] == {}


def test_a_typed_password_is_asked_for_twice(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_asked_by_a_person", lambda: True)
    made = trovectl("instance", "create", "orders", "--user", "anna", api=api, typed="abc\nabc\n")
    assert made.exit_code == 0 and "abc" not in made.output and "shown this once" not in made.output
    made = trovectl("instance", "create", "stock", "--user", "anna", api=api, typed="\n\n")
    assert "shown this once" in made.stdout


@pytest.mark.parametrize("words", [
    ["instance", "create", "orders", "--user", "a", "--user", "b", "--password-file", "-"],
    ["instance", "create", "orders", "--size", "0"],
    ["instance", "create", "orders", "--password", "s3cret"],
    ["instance", "show"],
    ["instances"],
])
def test_a_wrong_command_line_ends_with_two(api: Served, words: list[str]) -> None:
    assert trovectl(*words, api=api).exit_code == 2
    assert api.client.get("/instances")["instances"] == []


@pytest.mark.parametrize(("words", "sentence"), [
    (["show", "nothing"], "There is no instance nothing. See: trovectl instance list."),
    (["show", "8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"], "could not be found"),
    (["create", "a", "--flavor", "huge"], "There is no flavor huge. Choose one of:"),
    (["create", "a", "--datastore", "oracle"], "oracle"),
    (["create", "a", "--user", "b", "--password-file", "/nowhere"], "The password file /nowhere cannot be read"),
    (["create", "\x07"], "a text with at least one letter"),
])
def test_a_refusal_is_a_sentence_and_ends_with_one(api: Served, words: list[str], sentence: str) -> None:
    shown = trovectl("instance", *words, api=api)
    assert shown.exit_code == 1 and sentence in shown.stderr and "Traceback" not in shown.output
    told = document("instance", *words, api=api, code=1)["error"]
    assert sentence in f"{told['message']} {told['hint']}" and told["code"]


def test_every_page_of_a_list_is_shown_and_another_project_is_empty(api: Served) -> None:
    ids = {api.instance(f"number-{number}")[0] for number in range(23)}
    assert {row["id"] for row in document("instance", "list", api=api)["instances"]} == ids
    lines = trovectl("instance", "list", api=api).stdout.splitlines()
    assert lines[0].split()[:3] == ["ID", "NAME", "STATUS"] and len(lines) == 24
    assert document("instance", "list", "--project", "other", api=api) == {"instances": []}


def test_two_of_one_name_are_told_apart_by_id(api: Served) -> None:
    ids = sorted(api.instance("twin")[0] for _ in range(2))
    shown = trovectl("instance", "delete", "twin", api=api)
    assert shown.exit_code == 1 and all(each in shown.stderr for each in ids)
    assert trovectl("instance", "delete", ids[0], "--wait", api=api).exit_code == 0
    assert document("instance", "show", "twin", api=api)["instance"]["id"] == ids[1]


def test_restart_and_delete_wait_for_their_end(api: Served) -> None:
    api.instance()
    assert "orders has restarted" in trovectl("instance", "restart", "orders", "--wait", api=api).stdout
    assert document("instance", "restart", "orders", api=api)["instance"]["name"] == "orders"
    assert document("instance", "delete", "orders", "--wait", api=api)["deleted"] is True
    assert document("instance", "list", api=api) == {"instances": []}


def test_a_person_is_asked_before_data_is_deleted(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    instance_id, _ = api.instance()
    monkeypatch.setattr(output, "is_asked_by_a_person", lambda: True)
    assert trovectl("instance", "delete", "orders", api=api, typed="n\n").exit_code == 1
    assert api.client.get(f"/instances/{instance_id}")
    assert trovectl("instance", "delete", "orders", api=api, typed="y\n").exit_code == 0
    assert document("instance", "list", api=api) == {"instances": []}


def test_a_creation_that_fails_is_told_with_its_fault(api: Served) -> None:
    api.works.fault = "The disk is full."
    made = trovectl("instance", "create", "orders", "--wait", api=api)
    assert made.exit_code == 1
    assert "The disk is full." in made.stderr and "trovectl instance delete" in made.stderr
    assert "The disk is full." in trovectl("instance", "show", "orders", api=api).stdout


def test_a_generated_password_is_not_lost_when_the_waiting_fails(api: Served) -> None:
    api.works.fault = "The disk is full."
    told = document("instance", "create", "orders", "--user", "anna", "--wait", api=api, code=1)
    assert told["error"]["code"] == "engine_failed" and told["generated_passwords"]["anna"]
    assert document("instance", "show", told["instance"]["id"], api=api)["instance"]["status"] == "ERROR"


def test_the_installation_of_a_state_directory_is_asked(api: Served, tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    state.make()
    down = trovectl("instance", "list", "--state", str(state.root))
    assert down.exit_code == 3 and f"trovectl up --state {state.root}" in down.stderr
    state.announce(service.own_control(api.endpoint))
    api.instance()
    shown = trovectl("instance", "list", "--state", str(state.root), "--project", api.project)
    assert shown.exit_code == 0 and "orders" in shown.stdout


def test_nobody_there_ends_with_three() -> None:
    shown = trovectl("instance", "list", "--endpoint", "http://127.0.0.1:1")
    assert shown.exit_code == 3 and "does not answer" in shown.stderr


@pytest.mark.parametrize("endpoint", ["nonsense", "http://[::1", "ftp://127.0.0.1", "http://127.0.0.1:port"])
def test_an_endpoint_that_is_none_is_told(endpoint: str) -> None:
    shown = trovectl("instance", "list", "--endpoint", endpoint)
    assert shown.exit_code == 1 and "is no endpoint" in shown.stderr
