"""A tenant's way through the logs of an instance."""

import signal
import subprocess
import tempfile
from collections.abc import Callable

from tests.awaiting import until
from tests.installation import Installation


def are_switched_and_followed(installed: Installation, instance: str, speak: Callable[[str], object]) -> None:
    """``speak`` has the server run a statement with a word in it. Ends with the log switched off."""
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


def _until_heard(heard: int, word: str) -> None:
    until(lambda: word in _text(heard), 60, f"{word} is heard")


def _text(heard: int) -> str:
    with open(f"/proc/self/fd/{heard}", errors="replace") as file:
        return file.read()
