"""An agent that says nothing holds up who asks it, and of the others nobody."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.hostile.conftest import THREADS, Ground
from tests.installation import Installation

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="reads the files of agents")]

AT_ONCE = 3 * THREADS
PATIENCE = 60
"""Seconds for all that are refused to be told so; calls have 15."""

Answers = set[Future[tuple[int, Any]]]


@pytest.fixture(scope="module")
def lab(field: Ground) -> Installation:
    """Another project of the same installation."""
    return replace(field.installed, project="lab")


@pytest.fixture(scope="module")
def neighbour(lab: Installation) -> str:
    """What that project has."""
    instance = lab.create("neighbour", databases=(), engine="redis")
    lab.healthy(instance)
    return instance


@contextmanager
def silent(installed: Installation, instance: str) -> Iterator[None]:
    """Its agent is there, and does nothing."""
    agent = installed.service_pid(instance, "agent")
    os.kill(agent, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(agent, signal.SIGCONT)


def test_other_projects_are_served_while_one_waits_for_its_silent_agent(
        field: Ground, lab: Installation, neighbour: str) -> None:
    shop, users = field.installed, f"/instances/{field.victim}/users"
    assert shop.request("GET", users)[0] == 200
    with ThreadPoolExecutor(AT_ONCE) as threads, silent(shop, field.victim):
        asked: Answers = {threads.submit(shop.request, "GET", users) for _ in range(AT_ONCE)}
        refused, waiting = all_but(asked, 2)
        assert {each.result()[0] for each in refused} == {413}
        theirs = [lab.request("GET", path)[0] for path in ("/instances", f"/instances/{neighbour}/users")]
        own = [shop.request("GET", path)[0] for path in ("/instances", users)]
        still = [each for each in waiting if not each.done()]
    print(f"{AT_ONCE} requests for {THREADS} threads: {len(still)} wait, {len(refused)} are refused; meanwhile another "
          f"project gets {theirs}, and its own {own}")
    assert (len(still), theirs, own) == (2, [200, 200], [200, 413])
    assert {each.result()[0] for each in waiting} <= {200, 503}
    assert shop.request("GET", users)[0] == 200, "the places are free again"


def all_but(asked: Answers, left: int) -> tuple[Answers, Answers]:
    """Who is answered, and who waits, once only so many do."""
    done: Answers = set()
    while len(waiting := asked - done) > left:
        more = wait(waiting, PATIENCE, FIRST_COMPLETED).done
        assert more, f"{len(waiting)} still wait"
        done |= more
    return done, asked - done
