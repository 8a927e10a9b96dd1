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


def doom(world: World, kind: str, step: str, when: str) -> None:
    go_on = steps.Run._go_on

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def doomed(run: steps.Run, name: str, function: Callable[[], str]) -> None:
        with world.store.read() as connection:
            is_here = name == step and operations.get(connection, run._operation_id).kind == kind

        def last() -> str:
            if is_here and when == "before":
                die()
            word = function()
            if is_here:
                die()
            return word

        go_on(run, name, last)

    steps.Run._go_on = doomed  # type: ignore[method-assign]


def main() -> None:
    world = World(Path(sys.argv[1]))
    service.SWEEP = 0.2
    if len(sys.argv) > 2:
        doom(world, *sys.argv[2:])
    world.manager.start()
    for instance_id in world.provider.placed():
        world.guests.say_hello(instance_id)  # what waits in the guests' queues
    sys.stdin.read()
    world.close()


if __name__ == "__main__":
    main()
