"""Jobs run beside the agent, outlive it, and are found again."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from common.errors import Busy, DeadlinePassed
from tests.awaiting import until
from tests.troveguest.ground import PYTHON
from troveguest.host import processes
from troveguest.host.base import Finished
from troveguest.host.layout import JOB
from troveguest.host.runit import RunitHost
from troveguest.host.supervision import Supervised

pytestmark = pytest.mark.server

_ASKER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from troveguest.host.runit import RunitHost
RunitHost(Path(sys.argv[2])).run_job(sys.argv[3:], 60)
"""


@pytest.fixture
def scratch(ground, placement) -> Path:
    """A new name in the engine's directory."""
    return ground.layout(placement).data / os.urandom(4).hex()


def shell(script: str, *words: object) -> list[str]:
    return ["sh", "-c", script, "job", *map(str, words)]


def asker(ground, placement, argv: list[str]) -> "subprocess.Popen[bytes]":
    """An agent that asks for a job and can be killed."""
    return subprocess.Popen([PYTHON, "-IS", "-c", _ASKER, ground.release / "lib", placement.home, *argv])


def test_output_exit_code_and_input(host: RunitHost) -> None:
    assert host.run_job(shell("cat; echo err >&2; exit 7"), 10, b"in\n") == Finished(7, "in\nerr\n")
    assert host.run_job(["true"], 10) == Finished(0, "")
    assert host.run_job(shell("kill -TERM $$"), 10) == Finished(-signal.SIGTERM, "")


def test_only_the_last_64_kib_of_the_output_are_kept(host: RunitHost) -> None:
    ended = host.run_job(shell("head -c 100000 /dev/zero | tr '\\0' x; echo end"), 10)
    assert len(ended.output) == 64 * 1024 and ended.output.endswith("xend\n")


def test_a_program_that_is_not_there_says_so(host: RunitHost) -> None:
    ended = host.run_job(["/none/such"], 10)
    assert ended.exit_code == 127 and "/none/such" in ended.output


def test_short_jobs_in_a_row_do_not_wait_for_the_supervisor(host: RunitHost) -> None:
    host.run_job(["true"], 10)
    begin = time.monotonic()
    for number in range(5):
        host.run_job(shell(f": {number}"), 10)
    assert time.monotonic() - begin < 2, "runsv alone would hold back each of them for a second"


def test_the_same_job_may_be_done_again(host: RunitHost, scratch: Path) -> None:
    for _ in range(2):
        host.run_job(shell('echo x >> "$1"', scratch), 10)
    assert scratch.read_text() == "x\nx\n"


def test_nothing_of_an_order_stays_behind(host: RunitHost, ground, placement) -> None:
    host.run_job(["cat"], 10, b"a password")
    layout = ground.layout(placement)
    assert not layout.job.exists() and not layout.job_input.exists()


def test_the_input_is_gone_while_the_job_still_runs(host: RunitHost, ground, placement, scratch: Path) -> None:
    layout = ground.layout(placement)
    thread = threading.Thread(
        target=host.run_job, args=(shell('until [ -e "$1" ]; do sleep 0.05; done', scratch), 20, b"a password"))
    thread.start()
    until(lambda: layout.job_state.exists() and layout.job.exists() and not layout.job_input.exists(), 5,
          "the input's end", 0.02)
    assert thread.is_alive()
    scratch.touch()
    thread.join(20)


def test_a_job_over_its_time_is_ended_with_all_its_children(host: RunitHost, scratch: Path) -> None:
    script = 'sleep 600 & echo $! > "$1"; wait'
    with pytest.raises(DeadlinePassed):
        host.run_job(shell(script, scratch), 0.5)
    child = int(scratch.read_text())
    until(lambda: processes.identify(child) is None, 5, "the end of a child that was killed", 0.02)
    assert host.run_job(["echo", "next"], 10) == Finished(0, "next\n")


def test_a_job_outlives_its_asker_and_is_not_started_twice(host: RunitHost, ground, placement, scratch: Path) -> None:
    job = shell('echo x >> "$1"; until [ -e "$1.go" ]; do sleep 0.05; done; echo done', scratch)
    first = asker(ground, placement, job)
    until(scratch.exists, 10, "the job's begin", 0.02)
    first.kill()
    first.wait()
    Path(f"{scratch}.go").touch()
    assert host.run_job(job, 20) == Finished(0, "done\n")
    assert scratch.read_text() == "x\n"


def test_an_end_that_nobody_saw_is_told_later(host: RunitHost, ground, placement, scratch: Path) -> None:
    job = shell('echo x >> "$1"; until [ -e "$1.go" ]; do sleep 0.05; done; exit 4', scratch)
    first = asker(ground, placement, job)
    until(scratch.exists, 10, "the job's begin", 0.02)
    first.kill()
    first.wait()
    Path(f"{scratch}.go").touch()
    service = Supervised(ground.layout(placement).supervise(JOB))
    until(lambda: service.process() is None, 10, "the runner's end")
    assert host.run_job(job, 20).exit_code == 4
    assert scratch.read_text() == "x\n"


def test_another_job_waits_in_line_or_hears_why_not(host: RunitHost, ground, placement, scratch: Path) -> None:
    job = shell('touch "$1"; until [ -e "$1.go" ]; do sleep 0.05; done', scratch)
    first = asker(ground, placement, job)
    until(scratch.exists, 10, "the job's begin", 0.02)
    with pytest.raises(Busy):
        host.run_job(["echo", "mine"], 0.3)
    Path(f"{scratch}.go").touch()
    assert host.run_job(["echo", "mine"], 20) == Finished(0, "mine\n")
    first.kill()
    first.wait()


def test_a_killed_runner_takes_its_job_along_and_says_so(host: RunitHost, ground, placement, scratch: Path) -> None:
    service = Supervised(ground.layout(placement).supervise(JOB))
    ended: list[Finished] = []
    job = shell('echo $$ > "$1.new"; mv "$1.new" "$1"; sleep 600', scratch)
    thread = threading.Thread(target=lambda: ended.append(host.run_job(job, 60)))
    thread.start()
    until(scratch.exists, 10, "the job's begin", 0.02)
    runner = service.process()
    assert runner is not None
    os.kill(runner.pid, signal.SIGKILL)
    thread.join(20)
    assert [finished.exit_code for finished in ended] == [-signal.SIGKILL]
    assert processes.identify(int(scratch.read_text())) is None
    assert host.run_job(["echo", "next"], 10) == Finished(0, "next\n")


def test_jobs_of_several_threads_take_turns(host: RunitHost, scratch: Path) -> None:
    script = 'mkdir "$1" && sleep 0.05 && rmdir "$1" && echo $2'
    answers: list[Finished] = []
    threads = [threading.Thread(target=lambda n=n: answers.append(host.run_job(shell(script, scratch, n), 20)))
               for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answer.output for answer in answers) == ["0\n", "1\n", "2\n", "3\n"]
    assert {answer.exit_code for answer in answers} == {0}
