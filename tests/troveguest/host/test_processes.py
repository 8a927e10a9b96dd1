"""A process is its id, its start and its boot; a zombie is dead."""

import dataclasses
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from troveguest.host import processes


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_we_are_alive_and_nobody_is_process_zero() -> None:
    me = processes.identify(os.getpid())
    assert me is not None and processes.is_alive(me)
    assert processes.identify(2**22 + 1) is None
    assert os.getpid() in processes.all_ids()
    assert processes.parent(os.getpid()) == os.getppid()


def test_a_command_with_parentheses_in_its_name_is_read(tmp_path) -> None:
    odd = tmp_path / "a) Z (b"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([odd, "60"]) as process:
        try:
            assert processes.identify(process.pid) is not None
        finally:
            process.kill()


def test_another_start_or_boot_is_another_process(child: subprocess.Popen[bytes]) -> None:
    found = processes.identify(child.pid)
    assert found is not None
    assert not processes.is_alive(dataclasses.replace(found, start_ticks=found.start_ticks + 1))
    assert not processes.is_alive(dataclasses.replace(found, boot="another"))


def test_a_zombie_is_dead(child: subprocess.Popen[bytes]) -> None:
    found = processes.identify(child.pid)
    assert found is not None
    child.send_signal(signal.SIGKILL)
    assert processes.wait_end(found, 5)
    assert child.returncode is None, "not yet reaped, so a zombie"
    assert not processes.is_alive(found)
    assert processes.identify(child.pid) is None
    assert processes.wait_end(found, 0)


def test_waiting_ends_when_patience_does(child: subprocess.Popen[bytes]) -> None:
    found = processes.identify(child.pid)
    assert found is not None
    assert not processes.wait_end(found, 0.05)


def test_a_signal_reaches_only_the_very_process(child: subprocess.Popen[bytes]) -> None:
    found = processes.identify(child.pid)
    assert found is not None
    processes.send(dataclasses.replace(found, start_ticks=1), signal.SIGKILL)
    assert not processes.wait_end(found, 0.05)
    processes.send(found, signal.SIGKILL)
    assert processes.wait_end(found, 5)
    child.wait()
    processes.send(found, signal.SIGKILL)
