"""Starting and stopping the control plane of a state directory, as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import DeadlinePassed, HostFailed
from trove.standalone import processes
from trove.standalone.state import ENDING, Control, State, build

STOP_PATIENCE = 60.0
"""Seconds that a control plane has to finish the requests under way and to lay its flows down."""

LAST_WORDS = 1500

ARENAS = "2"
"""Of the C library: it would keep one a thread, and in each of them what the busiest moment had needed."""

_REPLACES = "Replaces the control plane that runs: the program has changed since it was started."
_WAITS = "Waits for the end of the control plane that somebody stopped."


@dataclass(frozen=True)
class Launch:
    """What came of ``start``: whether there was something to start, and the control plane that serves."""

    begun: bool
    control: Control


def start(state: State, port: int | None, tell: Callable[[str], None]) -> Launch:
    """Starts the control plane, unless this build of it serves already; one of another build is replaced.

    ``tell`` is given a sentence at each stage. Raises HostFailed with the control plane's last words.
    """
    state.make()
    serving = state.control()
    if serving is not None and serving.build == build():
        return Launch(False, serving)
    if serving is not None:
        tell(_WAITS if serving.build == ENDING else _REPLACES)
        stop(state)
    _spawn(state, port, tell)
    control = state.control()
    if control is None:
        raise HostFailed("The control plane ended as soon as it was up.", f"See {state.log}.")
    return Launch(True, control)


def stop(state: State) -> bool:
    """Ends the control plane and nothing else; False when there was none. Raises DeadlinePassed."""
    control = state.control()
    if control is None:
        return False
    process = processes.Process(control.pid, control.started)
    process.end(STOP_PATIENCE)
    if process.alive():
        raise DeadlinePassed(f"The control plane (process {control.pid}) does not end.", f"See {state.log}.")
    return True


def command(state: State, port: int | None) -> list[str]:
    wanted = ["--port", str(port)] if port is not None else []
    return [sys.executable, "-I", "-m", "trove.standalone", "--state", str(state.root), *wanted]


def _spawn(state: State, port: int | None, tell: Callable[[str], None]) -> None:
    """Returns when it serves. It tells its stages, and why it cannot start, as lines of JSON on a pipe."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as stages:
        with state.log.open("ab") as log:
            subprocess.Popen([*command(state, port), "--tell", str(writer)], pass_fds=[writer], cwd="/",
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                             env={"PATH": os.defpath + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8",
                                  "MALLOC_ARENA_MAX": ARENAS,
                                  "HOME": os.environ.get("HOME", "/")})
        os.close(writer)
        for line in stages:
            stage = json.loads(line)
            if stage["kind"] == "failed":
                raise HostFailed(stage["sentence"])
            if stage["kind"] == "serves":
                return
            tell(stage["sentence"])
    raise HostFailed(f"The control plane ended while it started:\n{_last_words(state)}", f"See {state.log}.")


def _last_words(state: State) -> str:
    return state.log.read_text(errors="replace")[-LAST_WORDS:].strip()
