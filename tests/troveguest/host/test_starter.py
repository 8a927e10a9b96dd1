"""What starts the agent: which release, for each state of the links, and what a timer and a dead release lead to."""

import signal
import subprocess
import time
from itertools import combinations
from pathlib import Path

import pytest

from tests.awaiting import until
from troveguest.host import starter

TELLS = "#!/bin/sh\necho {name} $$ $*\n"
HANGS = "#!/bin/sh\nexec sleep 600\n"
IDLE = {"current": TELLS.format(name="current")}


@pytest.mark.parametrize(("there", "moves", "start"), [
    ("", [], "current"),
    ("current", [], "current"),
    ("current previous failed", [], "current"),
    ("previous", [], "previous"),
    ("current next", [("next", "trial")], "trial"),
    ("current previous next failed", [("next", "trial")], "trial"),
    ("current trial", [("trial", "failed")], "current"),
    ("previous trial", [("trial", "failed")], "previous"),
    ("current next trial", [("trial", "failed"), ("next", "trial")], "trial"),
])
def test_what_is_there_decides(there: str, moves: list[tuple[str, str]], start: str) -> None:
    assert starter.decide(there.split()) == (moves, start)


def test_from_every_state_it_comes_to_rest_at_a_release_that_was_not_just_tried() -> None:
    for number in range(len(starter.NAMES) + 1):
        for chosen in combinations(starter.NAMES, number):
            there = {"current", *chosen}
            starts = []
            for _ in range(3):
                moves, start = starter.decide(there)
                for old, new in moves:
                    there.remove(old)
                    there.add(new)
                starts.append(start)
            assert starts[-1] == "current" and "trial" not in there and starts.count("trial") == ("next" in chosen)


def links(tmp_path: Path, programs: dict[str, str]) -> Path:
    """Releases of these names, whose agents are these programs, and a link of the same name to each."""
    made = tmp_path / "links"
    made.mkdir()
    for name, text in programs.items():
        program = tmp_path / "releases" / name / "bin" / "trove-guestagent"
        program.parent.mkdir(parents=True)
        program.write_text(text)
        program.chmod(0o755)
        (made / name).symlink_to(program.parent.parent)
    return made


def shown(made: Path) -> dict[str, str]:
    return {link.name: link.readlink().name for link in made.iterdir()}


def start(made: Path, patience: float = 60) -> "subprocess.Popen[str]":
    text = Path(starter.__file__).read_text().replace("PATIENCE = 60", f"PATIENCE = {patience}")
    own = made.parent / "starter.py"
    own.write_text(text)
    return subprocess.Popen(["/usr/bin/python3", "-IS", str(own), str(made), "run", "--config-dir", "X"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_it_becomes_the_agent_in_the_same_process(tmp_path: Path) -> None:
    agent = start(links(tmp_path, IDLE))
    assert agent.communicate(timeout=20)[0] == f"current {agent.pid} run --config-dir X\n"


def test_one_that_dies_is_tried_once(tmp_path: Path) -> None:
    made = links(tmp_path, IDLE | {"next": "#!/bin/sh\nexit 1\n"})
    assert start(made).wait(20) == 1
    assert shown(made) == {"current": "current", "trial": "next"}
    said = start(made).communicate(timeout=20)[0]
    assert starter.DID_NOT_LAST in said and "current" in said.splitlines()[1]
    assert shown(made) == {"current": "current", "failed": "next"}
    assert starter.DID_NOT_LAST not in start(made).communicate(timeout=20)[0]


def test_one_that_says_nothing_is_ended_by_the_timer(tmp_path: Path) -> None:
    made = links(tmp_path, IDLE | {"next": HANGS})
    began = time.monotonic()
    assert start(made, patience=0.5).wait(20) == -signal.SIGALRM
    assert time.monotonic() - began >= 0.5
    assert start(made).communicate(timeout=20)[0].endswith("run --config-dir X\n")
    failed = (made / "failed").lstat()
    assert failed.st_ctime - failed.st_mtime >= 0.5, "how long it was tried can be told from the link"


@pytest.mark.parametrize("text", ["#!/nonexistent/interpreter\n", None])
def test_one_that_cannot_be_run_is_given_up_at_once(tmp_path: Path, text: str | None) -> None:
    made = links(tmp_path, IDLE | {"next": text or ""})
    if text is None:
        (tmp_path / "releases" / "next" / "bin" / "trove-guestagent").unlink()
    assert f"current {(agent := start(made)).pid}" in agent.communicate(timeout=20)[0]
    assert shown(made) == {"current": "current", "failed": "next"}


def test_a_current_one_that_is_gone_gives_way_to_the_one_before(tmp_path: Path) -> None:
    made = links(tmp_path, IDLE | {"previous": TELLS.format(name="previous")})
    (tmp_path / "releases" / "current" / "bin" / "trove-guestagent").unlink()
    assert start(made).communicate(timeout=20)[0].startswith("previous ")


def test_nothing_to_start_from_is_said(tmp_path: Path) -> None:
    agent = start(links(tmp_path, {}))
    assert "Place the instance again." in agent.communicate(timeout=20)[0] and agent.returncode == 1


def test_signals_that_the_agent_before_had_blocked_reach_the_next_one(tmp_path: Path) -> None:
    made = links(tmp_path, {"current": HANGS})
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        agent = start(made)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    until(lambda: b"sleep" in Path(f"/proc/{agent.pid}/cmdline").read_bytes(), 20, "it runs", every=0.02)
    agent.terminate()
    assert agent.wait(20) == -signal.SIGTERM


def test_a_program_of_ours_goes_on_in_the_interpreter_that_is_there(tmp_path: Path) -> None:
    """With its own name for who looks at processes, its own errors and its own exit code."""
    program = ("#!/usr/bin/python3 -IS\nimport sys\nwith open('/proc/self/comm') as name:\n"
               "    print(name.read(), __name__, __file__, sys.argv, 'signal' in sys.modules)\n{end}\n")
    made = links(tmp_path, {"current": program.format(end="sys.exit(3)")})
    agent = start(made)
    file = str(tmp_path / "releases" / "current" / "bin" / "trove-guestagent")
    assert agent.communicate(timeout=20)[0] == (
        f"trove-guestagen\n __main__ {file} {[file, 'run', '--config-dir', 'X']} True\n")
    assert agent.returncode == 3
    Path(file).write_text(program.format(end="open('/nothing')"))
    agent = start(made)
    said = agent.communicate(timeout=20)[0]
    assert "No such file or directory: '/nothing'" in said and "Place the instance again" not in said
    assert agent.returncode == 1
