#!/usr/bin/python3 -IS
"""Becomes the agent: ``starter.py LINKS WORD…``. Standard library alone; runs as the agent's user.

LINKS is a directory of links to releases, and the WORDs are for the agent::

    current    what runs
    previous   what ran before that
    next       what is to be tried, at the next start
    trial      what is being tried; when it has reported, it makes itself the current one
    failed     what was tried last and did not report

A timer that survives the exec ends one that does not report in time. What starts after a trial is the current one.
"""

import os
import signal
import sys
from collections.abc import Collection

PATIENCE = 60
"""Seconds in which a release that is tried must have reported."""
NAMES = ("current", "previous", "next", "trial", "failed")
PROGRAM = "bin/trove-guestagent"
OURS = b"#!/usr/bin/python3 -IS\n"  # how a program begins that this interpreter can go on with
DID_NOT_LAST = "was tried and did not report. The release before it goes on."


def decide(there: Collection[str]) -> tuple[list[tuple[str, str]], str]:
    """Which links are renamed, in this order, and the link to start from; ``there`` are those that there are."""
    moves = [("trial", "failed")] if "trial" in there else []
    if "next" in there:
        return [*moves, ("next", "trial")], "trial"
    return moves, "current" if "current" in there or "previous" not in there else "previous"


def main(links: str, *words: str) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the agent that became us had blocked some
    while True:
        moves, start = decide([name for name in NAMES if _is_there(links, name)])
        for old, new in moves:
            os.rename(f"{links}/{old}", f"{links}/{new}")  # noqa: PTH104 (pathlib costs a start 5 ms)
            if new == "failed":
                os.write(1, f"{os.readlink(f'{links}/failed')} {DID_NOT_LAST}\n".encode())  # noqa: PTH115
        program = f"{os.path.realpath(f'{links}/{start}')}/{PROGRAM}"
        signal.setitimer(signal.ITIMER_REAL, PATIENCE if start == "trial" else 0)
        try:
            with open(program, "rb") as file:  # noqa: PTH123
                text = file.read()
            if not text.startswith(OURS):
                os.execv(program, [program, *words])  # noqa: S606
        except OSError as error:
            if start != "trial":
                sys.exit(f"{program}: {error.strerror}. Place the instance again.")
        else:  # another interpreter would take as long to start as all until here
            with open("/proc/self/comm", "w", encoding="utf-8") as name:  # noqa: PTH123
                name.write(os.path.basename(program))  # noqa: PTH119
            sys.argv[:] = [program, *words]
            return exec(compile(text, program, "exec"), {"__name__": "__main__", "__file__": program})  # noqa: S102


def _is_there(links: str, name: str) -> bool:
    """The current one must also lead to something: it may have been removed by hand."""
    path = f"{links}/{name}"
    return os.path.exists(f"{path}/{PROGRAM}") if name in ("current", "previous") else os.path.lexists(path)  # noqa: PTH110


if __name__ == "__main__":
    main(*sys.argv[1:])
