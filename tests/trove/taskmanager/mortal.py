"""A task manager in a process of its own, over fakes, that kills itself at one point of one flow.

Arguments: the world's directory; and, for one that is to die, a kind of flow, a step, and ``before`` or ``after`` (its
work is done, and nobody has written that down yet). Ends when its standard input does.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.trove.world import World
from trove.db import operations
from trove.taskmanager import service, steps
from trove.taskmanager.services import Services


def doom(world: World, kind: str, step: str, when: str) -> None:
    begin, go_on = steps.begin, steps.Run._go_on

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def is_doomed(name: str, operation_id: str) -> bool:
        with world.store.read() as connection:
            return name == step and operations.get(connection, operation_id).kind == kind

    def doomed_begin(services: Services, operation_id: str, executor: str) -> bool:
        is_here = is_doomed("begin", operation_id)
        if is_here and when == "before":
            die()
        begun = begin(services, operation_id, executor)
        if is_here:
            die()
        return begun

    def doomed(run: steps.Run, name: str, function: Callable[[], str]) -> None:
        is_here = is_doomed(name, run._operation_id)

        def last() -> str:
            if is_here and when == "before":
                die()
            word = function()
            if is_here:
                die()
            return word

        go_on(run, name, last)

    steps.begin = doomed_begin
    steps.Run._go_on = doomed  # type: ignore[method-assign]


def main() -> None:
    world = World(Path(sys.argv[1]))
    service.SWEEP = 0.2
    if len(sys.argv) > 2:
        doom(world, *sys.argv[2:])
    world.manager.start()
    for instance_id in world.provider.placed(None):
        world.guests.say_hello(instance_id)  # what waits in the guests' queues
    sys.stdin.read()
    world.close()


if __name__ == "__main__":
    main()
