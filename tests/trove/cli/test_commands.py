"""``trovectl`` as a person or a script uses it, where no control plane has to run."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ground
from tests.trove.cli.typed import trovectl
from trove.cli import installation, launch
from trove.standalone import service
from trove.standalone.state import State


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory with so short a path that an installation fits below it."""
    with ground.directory() as directory:
        yield directory


@pytest.fixture
def state(short: Path) -> State:
    made = State(short / "state")
    made.make()
    return made


def test_status_of_nothing(tmp_path: Path) -> None:
    shown = trovectl("status", "--json", "--state", str(tmp_path / "none"))
    assert shown.exit_code == 3 and json.loads(shown.stdout)["up"] is False
    assert not (tmp_path / "none").exists()


def test_status_of_one_that_serves(state: State) -> None:
    mine = service.own_control("http://127.0.0.1:8790")
    state.announce(mine)
    shown = trovectl("status", "--json", "--state", str(state.root))
    assert shown.exit_code == 0
    assert json.loads(shown.stdout) == {"state": str(state.root), "up": True, "pid": mine.pid,
                                        "endpoint": "http://127.0.0.1:8790"}
    assert "http://127.0.0.1:8790" in trovectl("status", "--state", str(state.root)).stdout


def test_stopping_nothing_is_no_failure(tmp_path: Path) -> None:
    for words in (["down"], ["down", "--destroy"]):
        assert trovectl(*words, "--state", str(tmp_path / "none")).exit_code == 0


def test_an_installation_that_serves_is_left_alone(state: State) -> None:
    mine = service.own_control("http://127.0.0.1:8790")
    state.announce(mine)
    assert launch.start(state, None, [].append) == launch.Launch(False, mine)


def test_a_port_for_one_that_serves_already_is_told_to_be_of_no_use(state: State) -> None:
    state.announce(service.own_control("http://127.0.0.1:8790"))
    told = [" ".join(trovectl("up", "--empty", *port, "--state", str(state.root)).stdout.split())
            for port in ([], ["--port", "8790"], ["--port", "8791"])]
    assert ["counts only when it is started" in words for words in told] == [False, False, True]
    assert "run down, then up --port 8791." in told[2]


@pytest.mark.parametrize("own", [[], ["trove.conf", "notes"]])
def test_removal_leaves_what_an_operator_wrote_and_says_so(state: State, own: list[str]) -> None:
    for name in own:
        (state.root / name).write_text("")
    told = " ".join(trovectl("down", "--destroy", "--yes", "--state", str(state.root)).stdout.split())
    assert ("What it did not make stays there: notes, trove.conf." in told) == bool(own)
    assert [*state.root.glob("*")] == [state.root / name for name in sorted(own)] and state.root.exists() == bool(own)


def test_an_error_is_a_sentence_with_a_remedy_and_exit_code_one(short: Path) -> None:
    (short / "file").write_text("")
    shown = trovectl("up", "--empty", "--state", str(short / "file" / "state"))
    assert shown.exit_code == 1
    assert "cannot be made" in shown.stderr and "--state" in shown.stderr and "Traceback" not in shown.output


def test_what_to_go_on_with_names_the_installation_that_was_started(
        state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    state.announce(service.own_control("http://127.0.0.1:8790"))
    further = " ".join(trovectl("up", "--empty", "--state", str(state.root)).stdout.split())
    assert f"trovectl instance list --state {state.root} or with" in further
    monkeypatch.setattr(installation, "default_root", lambda: state.root)
    usual = " ".join(trovectl("up", "--empty", "--state", str(state.root)).stdout.split())
    assert "trovectl instance list or with" in usual


@pytest.mark.parametrize(("asks", "lines"), [
    ("noauth", "export OS_AUTH_TYPE=none OS_ENDPOINT=http://127.0.0.1:8790/v1.0/demo"),
    ("token", "trovectl token create NAME --project demo --state HERE export OS_AUTH_TYPE=admin_token "
              "OS_TOKEN=trove_… OS_ENDPOINT=http://127.0.0.1:8790/v1.0/demo"),
    ("keystone", "export OS_CLOUD=… # catalog: http://127.0.0.1:8790/v1.0/%(project_id)s"),
])
def test_how_the_client_is_let_in_is_said_as_the_installation_asks_for_it(state: State, asks: str, lines: str) -> None:
    state.announce(service.own_control("http://127.0.0.1:8790", asks=asks))
    further = " ".join(trovectl("up", "--empty", "--state", str(state.root)).stdout.split())
    assert lines in further.replace(str(state.root), "HERE")


def test_starting_and_stopping_print_one_document_on_request(state: State) -> None:
    mine = service.own_control("http://127.0.0.1:8790")
    state.announce(mine)
    started = trovectl("up", "--empty", "--json", "--state", str(state.root))
    assert json.loads(started.stdout) == {"state": str(state.root), "up": True, "pid": mine.pid, "begun": False,
                                          "endpoint": mine.endpoint, "first": None}
    stopped = trovectl("down", "--json", "--state", str(state.root / "none"))
    assert json.loads(stopped.stdout) == {"state": str(state.root / "none"), "up": False, "destroyed": False}


def test_a_path_below_which_no_database_could_be_reached_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    root = tmp_path / ("long-" * 10)
    shown = trovectl("up", "--empty", "--json", "--state", str(root))
    assert shown.exit_code == 1 and json.loads(shown.stdout)["error"]["code"] == "invalid"
    assert "--state" in shown.stderr and not root.exists()


def test_a_configuration_that_cannot_be_used_is_told_by_the_process_that_reads_it(state: State) -> None:
    state.configuration.write_text("[DEFAULT]\nbind_host = 0.0.0.0\n")
    shown = trovectl("up", "--empty", "--state", str(state.root))
    assert shown.exit_code == 1 and "does not listen on 0.0.0.0" in shown.stderr
    assert state.control() is None


def test_the_control_plane_is_given_no_secret_and_no_foreign_path(state: State) -> None:
    assert launch.command(state, 8779) == [sys.executable, "-I", "-m", "trove.standalone",
                                           "--state", str(state.root), "--port", "8779"]


def test_a_second_task_manager_needs_an_installation_and_postgresql(state: State) -> None:
    def refused(name: str = "two") -> str:
        ended = trovectl("task-manager", "--name", name, "--state", str(state.root))
        assert ended.exit_code not in (0, 2)
        return ended.output

    assert "No control plane has been started" in refused()
    state.key.touch()
    assert "SQLite is for one process" in refused()
    state.configuration.write_text("[database]\nconnection = postgresql+psycopg://trove@127.0.0.1:1/trove\n")
    assert "section [flows]" in refused()
    assert "Choose another name" in refused("standalone")
    for name in ("", "a/b", "a@b", "x" * 49, "two\n"):
        assert "cannot be called" in refused(name)


def test_nothing_is_removed_while_a_task_manager_works_beside(state: State) -> None:
    with state.joined():
        ended = trovectl("down", "--destroy", "--yes", "--state", str(state.root))
    assert ended.exit_code != 0 and "A task manager works beside" in ended.output
