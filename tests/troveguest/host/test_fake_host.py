"""The fake host behaves as callers of the real one see it."""

import pytest

from common.errors import HostFailed
from troveguest.host.base import Finished, Host
from troveguest.host.fake import FakeHost, Job


def test_the_database_starts_once_and_stops() -> None:
    fake = FakeHost(clock=lambda: 7.0)
    host: Host = fake
    host.set_command(["server", "--flag"], {"A": "b"})
    assert host.database().process is None
    host.start_database()
    first = host.database()
    host.start_database()
    assert host.database() == first and first.wanted_up and first.started_at == 7.0
    host.stop_database(1)
    host.stop_database(1)
    assert (host.database().process, host.database().wanted_up, fake.starts, fake.stops) == (None, False, 1, 1)


def test_a_crashed_server_is_still_wanted_and_comes_back_as_another_process() -> None:
    host = FakeHost()
    host.set_command(["server"])
    host.start_database()
    before = host.database().process
    host.crash()
    assert host.database().wanted_up and host.database().process is None
    host.start_database()
    assert host.database().process not in (None, before)


def test_there_is_no_start_without_a_command() -> None:
    with pytest.raises(HostFailed):
        FakeHost().start_database()


def test_jobs_are_recorded_and_answered() -> None:
    host = FakeHost(on_job=lambda job: Finished(len(job.argv), job.stdin.decode()))
    assert host.run_job(["a", "b"], 1, b"in") == Finished(2, "in")
    assert host.jobs == [Job(("a", "b"), b"in")]
