"""The database server under a real runit: what it is started with, what becomes of it, and who may end it."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from common.contract.placement import Placement
from common.errors import HostFailed, Invalid
from tests.awaiting import until
from tests.troveguest.ground import PYTHON, Ground
from troveguest.host import processes
from troveguest.host.base import ProcessId
from troveguest.host.layout import AGENT, DATABASE
from troveguest.host.runit import RunitHost
from troveguest.host.supervision import Supervised

pytestmark = pytest.mark.server

SLEEPER = ["sleep", "600"]
WORDS = ["two words", "", "$HOME `id` 'quote\" \\ \n;", "--flag=ä"]


def running(host: RunitHost) -> ProcessId:
    process = host.database().process
    assert process is not None
    return process


def report(ground: Ground, placement: Placement, host: RunitHost, code: str) -> dict[str, object]:
    """What a server says of itself, before it sleeps."""
    data = ground.layout(placement).data
    said = data / "report"
    said.unlink(missing_ok=True)
    new = f"{said}.new"
    script = f"import json, os, sys, time\n{code}\n" \
             f"open({new!r}, 'w').write(json.dumps(r))\nos.rename({new!r}, {str(said)!r})\ntime.sleep(600)"
    host.set_command([PYTHON, "-IS", "-c", script, *WORDS], {"UMASK": "0640"})
    host.start_database()
    return json.loads(until(lambda: said.exists() and said.read_text(), 10, "the server's report", 0.02))


def test_the_server_is_started_with_exactly_its_words_environment_and_streams(ground, placement, host) -> None:
    os.environ["LEAK"] = "yes"
    found = report(ground, placement, host, """
r = {"argv": sys.argv[1:], "environ": sorted(os.environ), "parent": os.getppid(), "pid": os.getpid(),
     "session": os.getsid(0), "descriptors": sorted(int(n) for n in os.listdir("/proc/self/fd")), "mask": os.umask(0)}
""")
    del os.environ["LEAK"]
    assert found["argv"] == WORDS
    assert set(found["environ"]) == {"PATH", "LANG", "TROVE_HOME", "UMASK"} | ({"LC_CTYPE"} & set(found["environ"]))
    assert found["pid"] == found["session"] == running(host).pid
    assert processes.command_line(found["parent"]) == ["runsv", "database"]
    assert found["mask"] == 0o027
    assert found["descriptors"] in ([0, 1, 2], [0, 1, 2, 3]), "the fourth is the listing itself"


def test_what_the_server_says_is_in_its_log(ground, placement, host) -> None:
    host.set_command(["sh", "-c", "echo to stdout; echo to stderr >&2; exec sleep 600"])
    host.start_database()
    log = ground.layout(placement).database_log
    until(lambda: log.exists() and log.read_text().endswith("to stdout\nto stderr\n"), 5, "both lines", 0.02)


def test_started_again_it_is_the_same_server(host) -> None:
    host.set_command(SLEEPER)
    host.start_database()
    first = host.database()
    host.start_database()
    assert host.database() == first
    assert first.wanted_up and first.started_at is not None
    assert abs(processes.started_at(running(host)) - first.started_at) < 1


def test_it_stops_and_stays_down(host) -> None:
    host.set_command(SLEEPER)
    host.start_database()
    process = running(host)
    host.stop_database(10)
    assert not processes.is_alive(process)
    assert host.database().process is None and not host.database().wanted_up
    host.stop_database(10)


def test_a_server_that_ignores_the_first_signal_is_killed(ground, placement, host) -> None:
    host.set_command(["sh", "-c", "trap '' TERM; while :; do sleep 600; done"])
    host.start_database()
    process = running(host)
    until(lambda: processes.command_line(process.pid)[:1] == ["sh"], 5, "the shell", 0.02)
    host.stop_database(0.2)
    assert not processes.is_alive(process)


def test_a_crashed_server_is_not_restarted_by_the_supervisor(host) -> None:
    host.set_command(SLEEPER)
    host.start_database()
    process = running(host)
    os.kill(process.pid, signal.SIGKILL)
    assert processes.wait_end(process, 5)
    Supervised(host._layout.supervise(DATABASE)).await_down(5)
    assert host.database().process is None and host.database().wanted_up
    host.start_database()
    assert running(host) != process


def test_a_server_that_ends_at_once_can_be_started_again(ground, placement, host) -> None:
    host.set_command(["sh", "-c", "echo no >&2; exit 3"])
    for _ in range(2):
        host.start_database()
        until(lambda: host.database().process is None, 5, "the server's end", 0.02)
    host.set_command(SLEEPER)
    host.start_database()
    assert running(host)


def test_a_new_command_waits_for_the_next_start(host) -> None:
    host.set_command(SLEEPER)
    host.start_database()
    process = running(host)
    host.set_command(["sleep", "601"])
    assert running(host) == process
    host.stop_database(5)
    host.start_database()
    until(lambda: processes.command_line(running(host).pid) == ["sleep", "601"], 5, "the new command", 0.02)


def test_the_agents_end_does_not_touch_the_server(host, ground, placement) -> None:
    host.set_command(SLEEPER)
    host.start_database()
    process = running(host)
    agent = Supervised(ground.layout(placement).supervise(AGENT))
    first = until(agent.process, 5, "an agent", 0.02)
    os.kill(first.pid, signal.SIGKILL)
    assert processes.wait_end(first, 5)
    assert until(agent.process, 5, "a new agent", 0.02) != first
    assert running(host) == process


def test_a_killed_supervisor_leaves_a_server_that_is_found_and_can_be_stopped(host) -> None:
    host.set_command(SLEEPER)
    host.start_database()
    process = running(host)
    until(lambda: processes.command_line(process.pid) == SLEEPER, 5, "the server", 0.02)
    runsv = processes.parent(process.pid)
    os.kill(runsv, signal.SIGKILL)
    service = Supervised(host._layout.supervise(DATABASE))
    until(lambda: (status := service.status()) and status.is_down and service.is_supervised(), 10, "a new runsv", 0.05)
    assert running(host) == process
    host.start_database()
    assert running(host) == process, "no second server beside the first"
    host.stop_database(5)
    assert not processes.is_alive(process)


def test_there_is_no_start_without_a_command(ground) -> None:
    placement = ground.placement()
    ground.place(placement)
    host = RunitHost(Path(placement.home))
    with pytest.raises(HostFailed):
        host.start_database()
    with pytest.raises(Invalid):
        host.set_command([])


def test_without_a_supervisor_the_error_says_what_to_do(tmp_path) -> None:
    host = RunitHost(tmp_path)
    (tmp_path / "orders").mkdir()
    host.set_command(SLEEPER)
    assert host.database().process is None
    with pytest.raises(HostFailed, match="does not listen") as caught:
        host.start_database()
    assert caught.value.hint


_AS_AGENT = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from troveguest.host.runit import RunitHost
home = Path(sys.argv[2])
host = RunitHost(home)
host.set_command(["sleep", "600"])
host.write_for_engine(home / "engine" / "server.cnf", "setting")
host.start_database()
pid = host.database().process.pid
told = host.run_job(["sh", "-c", "id -un; cat; cat %s; ! echo x >> %s; ls %s %s" % (
    home / "engine" / "server.cnf", home / "engine" / "server.cnf", home / "config", home / "state")], 10, b"input ")
host.run_job(["sh", "-c", "echo tenant > %s" % (home / "volume" / "data" / "file")], 10)
seen = (home / "volume" / "data" / "file").read_text()
host.stop_database(5)
print(json.dumps({"pid": pid, "output": told.output, "seen": seen, "uid": os.getuid(),
                  "down": host.database().process is None, "total": host.stats().total}))
"""


def test_the_agents_own_user_can_do_it_all_and_the_engines_sees_no_secret(ground, placement) -> None:
    layout = ground.layout(placement)
    owner = layout.config.stat()
    words = [PYTHON, "-IS", "-c", _AS_AGENT, str(ground.release / "lib"), str(layout.home)]
    if os.geteuid() == 0:
        become = [f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--init-groups", "--no-new-privs"]
        words = ["setpriv", *become, *words]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd="/")
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["uid"] == owner.st_uid and told["down"] and told["seen"] == "tenant\n" and told["total"] > 0
    assert "input setting" in told["output"]
    apart = layout.data.stat().st_uid != owner.st_uid
    assert (told["output"].count("Permission denied") == 3) == apart, "the file, config/ and state/"
