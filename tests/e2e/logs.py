"""A tenant's way through the logs of an instance."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.awaiting import until
from tests.installation import CommandFailed, Installation

LONG = 100_000


def are_listed_and_shown(installed: Installation, instance: str, **types: str) -> None:
    """``types`` by the logs' names: one of the server's own, SYS, is always written."""
    listed = installed.openstack("database", "log", "list", instance)
    assert {row["Name"]: row["Type"] for row in listed} == types
    for name, kind in types.items():
        shown = installed.openstack("database", "log", "show", instance, name)
        assert (shown["name"], shown["type"]) == (name, kind)
        if kind == "SYS":
            with pytest.raises(CommandFailed, match=r"always written.*HTTP 400"):
                installed.openstack("database", "log", "set", instance, name, "--enable")
        else:
            for switch, statuses in (("--enable", {"Enabled", "Ready"}), ("--disable", {"Disabled"})):
                installed.openstack("database", "log", "set", instance, name, switch)
                assert installed.openstack("database", "log", "show", instance, name)["status"] in statuses


def are_switched_and_followed(installed: Installation, instance: str, speak: Callable[[str], object],
                              long_words: int = 0) -> None:
    """``speak`` has the server run a statement with a word in it; some may be long. Ends with the log switched off."""
    status = installed.openstack("database", "log", "show", instance, "general")["status"]
    assert status == "Disabled"
    installed.openstack("database", "log", "set", instance, "general", "--enable")
    assert "general" in {row["Name"] for row in installed.openstack("database", "log", "list", instance)}
    with tempfile.TemporaryFile("w+") as heard:
        # a shell that runs the tests in the background has SIGINT ignored
        command = ["env", "--default-signal=INT", str(installed.programs / "trovectl"), "logs", instance, "general",
                   "--follow", "--all", "--state", str(installed.state)]
        with subprocess.Popen(command, stdout=heard, stderr=subprocess.DEVNULL) as follower:
            try:
                _are_heard(installed, instance, speak, heard.fileno())
                _take_little_memory(follower.pid, speak, heard.fileno(), long_words)
                follower.send_signal(signal.SIGINT)
                assert follower.wait(20) == 0
            finally:
                follower.kill()
    installed.openstack("database", "log", "set", instance, "general", "--disable")
    speak("unheard")
    assert "unheard" not in installed.trovectl("logs", instance, "general", "--all")


def _are_heard(installed: Installation, instance: str, speak: Callable[[str], object], heard: int) -> None:
    speak("word0")
    _until_heard(heard, "word0")
    installed.openstack("database", "instance", "restart", instance)
    installed.healthy(instance)
    speak("word1")
    _until_heard(heard, "word1")
    agent = installed.service_pid(instance, "agent")
    subprocess.run(["kill", "-KILL", str(agent)], check=True)
    speak("word2")
    _until_heard(heard, "word2")


def _take_little_memory(follower: int, speak: Callable[[str], object], heard: int, long_words: int) -> None:
    before, begin = _peak(follower), os.fstat(heard).st_size
    for _ in range(long_words):
        speak("x" * LONG)
    speak("word3")
    _until_heard(heard, "word3")
    assert os.fstat(heard).st_size - begin > long_words * LONG
    assert _peak(follower) - before < 2**22


def _peak(process: int) -> int:
    """The most memory, in bytes, that it ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def _until_heard(heard: int, word: str) -> None:
    until(lambda: word in _text(heard), 60, f"{word} is heard")


def _text(heard: int) -> str:
    with open(f"/proc/self/fd/{heard}", errors="replace") as file:
        return file.read()
