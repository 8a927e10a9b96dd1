"""A control plane that announces every step of every flow to a test, and waits there until it is let go.

Run in place of ``python -m trove.standalone``: the first argument is the test's Unix socket, the rest are its own.
Where nobody listens it goes on at once.
"""

import json
import os
import socket
import sys
from collections.abc import Callable

from trove.db import operations
from trove.standalone import service
from trove.taskmanager import steps


def announce(gate: str, moment: dict[str, str]) -> None:
    """Returns when the test lets go of the connection."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(gate)
            connection.sendall(json.dumps(moment).encode() + b"\n")
            connection.recv(1)
        except OSError:
            return


def halt(gate: str) -> None:
    """Before the work of each step that is done now, and after it while nobody has written down that it is done."""
    go_on = steps.Run._go_on

    def halting(run: steps.Run, name: str, function: Callable[[], str]) -> None:
        def work() -> str:
            with run._services.store.read() as connection:
                operation = operations.get(connection, run._operation_id)
            moment = {"instance": operation.instance_id, "kind": operation.kind, "step": name}
            announce(gate, moment | {"when": "before"})
            word = function()
            announce(gate, moment | {"when": "after"})
            return word

        go_on(run, name, work)

    steps.Run._go_on = halting  # type: ignore[method-assign]


if __name__ == "__main__":
    halt(sys.argv.pop(1))
    code = service.main()
    sys.stdout.flush()
    os._exit(code)
