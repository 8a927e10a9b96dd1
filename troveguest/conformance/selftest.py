"""``trove-guestagent selftest``: the engine in memory through the whole kit, here and now, without a database."""

import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.datastores.fake import MANIFEST

from . import LIFE, ORDERS, Behaviour, asking, fake, identify, serving
from .ordering import agent
from .subject import Subject


def main() -> int:
    """Prints a line for each behaviour; the exit code."""
    logging.getLogger().addHandler(logging.NullHandler())  # what an agent logs of a failure that was wanted
    begun = time.monotonic()
    tried = [*((each, fake.subject) for each in (*LIFE, *ORDERS)), *((each, _served) for each in serving(MANIFEST))]
    failures, total = 0, len(tried)
    for behaviour, make in tried:
        with make() as subject:
            failures += not _shows(behaviour, subject)
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{total - failures} of {total} behaviours are as they must be ({seconds:.1f} s).\n")
    return 1 if failures else 0


@contextmanager
def _served() -> Iterator[Subject]:
    """One that an agent made by an order, and that serves."""
    with (fake.subject() as subject, tempfile.TemporaryDirectory() as state):
        with agent(Path(state), subject.engine, subject.host) as made:
            made.order("prepare", order=asking.prepare())
        yield subject


def _shows(behaviour: Behaviour, subject: Subject) -> bool:
    begun = time.monotonic()
    why = ""
    try:
        behaviour(subject)
    except Exception as error:  # noqa: BLE001 (whatever it is, the behaviour is not shown, and the next one is tried)
        place = traceback.extract_tb(error.__traceback__)[-1]
        why = f": {type(error).__name__}: {error} at {place.filename}:{place.lineno}: {place.line}"
    sys.stdout.write(f"{'FAILED' if why else 'ok'}  {identify(behaviour)} ({time.monotonic() - begun:.2f} s){why}\n")
    return not why
