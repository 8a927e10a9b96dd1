"""A control plane that announces every step of every flow to a test, and waits there until it is let go.

Run in place of ``python -m trove.standalone``: the first argument is the test's Unix socket, the rest are its own.
Where nobody listens it goes on at once.
"""

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import TypeVar

from trove.db import operations
from trove.db.store import Store
from trove.standalone import service
from trove.taskmanager import steps
from trove.taskmanager.services import Services

T = TypeVar("T")


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
    begin, go_on = steps.begin, steps.Run._go_on

    def halted(store: Store, operation_id: str, step: str, work: Callable[[], T]) -> T:
        with store.read() as connection:
            operation = operations.get(connection, operation_id)
        moment = {"instance": operation.instance_id, "kind": operation.kind, "step": step}
        announce(gate, moment | {"when": "before"})
        done = work()
        announce(gate, moment | {"when": "after"})
        return done

    def halting_begin(services: Services, operation_id: str, executor: str) -> bool:
        return halted(services.store, operation_id, "begin", lambda: begin(services, operation_id, executor))

    def halting(run: steps.Run, name: str, function: Callable[[], str]) -> None:
        go_on(run, name, lambda: halted(run._services.store, run._operation_id, name, function))

    steps.begin = halting_begin
    steps.Run._go_on = halting  # type: ignore[method-assign]


if __name__ == "__main__":
    halt(sys.argv.pop(1))
    code = service.main()
    sys.stdout.flush()
    os._exit(code)
