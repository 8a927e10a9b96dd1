"""A server cannot take more memory than its flavor has, and the agent is not killed in its stead."""

import os
import signal
from pathlib import Path

import msgspec
import pytest

from common.errors import HostFailed
from tests.awaiting import until
from tests.troveguest.ground import PYTHON, Ground
from troveguest.host.layout import AGENT
from troveguest.host.runit import RunitHost
from troveguest.host.supervision import Supervised
from troveguest.place import limits

pytestmark = pytest.mark.server


@pytest.fixture
def limited(as_root: Ground):
    placement = as_root.placement(memory_mb=128, vcpus=2)
    if as_root.place(placement).limits == "none":
        pytest.skip("this machine has no memory controller")
    return placement


def value(instance_id: str, *names: str) -> list[str]:
    return [path.read_text().strip() for name in names for path in limits.ROOT.glob(f"*/trove-{instance_id}/{name}")]


def test_the_groups_have_the_flavors_values(limited) -> None:
    assert value(limited.instance_id, "memory.max", "memory.limit_in_bytes") == [str(128 << 20)]
    assert value(limited.instance_id, "cpu.max", "cpu.cfs_quota_us") in (["200000 100000"], ["200000"])


def test_asking_again_with_another_flavor_changes_them(as_root, limited) -> None:
    as_root.place(msgspec.structs.replace(limited, memory_mb=256))
    assert value(limited.instance_id, "memory.max", "memory.limit_in_bytes") == [str(256 << 20)]


def test_a_server_over_its_memory_is_ended(as_root, limited) -> None:
    host = RunitHost(Path(limited.home))
    ended = host.run_job([PYTHON, "-IS", "-c", "x = b'x' * (400 << 20)"], 30)
    assert ended.exit_code == -signal.SIGKILL


def test_a_running_server_is_not_put_into_less_than_it_uses(as_root, limited) -> None:
    if limits.V1 not in as_root.place(limited).limits:
        pytest.skip("version 2 would reclaim or kill")
    host = RunitHost(Path(limited.home))
    holder = [PYTHON, "-IS", "-c", f"x = b'x' * (90 << 20); open({str(as_root.layout(limited).data / 'up')!r}, 'w');"
                                   "import signal; signal.pause()"]
    host.set_command(holder)
    host.start_database()
    until((as_root.layout(limited).data / "up").exists, 10, "the server at its size", 0.05)
    server = host.database().process
    with pytest.raises(HostFailed, match="running server"):
        as_root.place(msgspec.structs.replace(limited, memory_mb=64))
    assert host.database().process == server


def test_server_and_jobs_are_in_the_groups_and_the_agent_is_not(as_root, limited) -> None:
    host = RunitHost(Path(limited.home))
    host.set_command(["sleep", "600"])
    host.start_database()
    server = host.database().process
    assert server is not None
    until(lambda: server.pid in limits.members(limited.instance_id), 5, "the server in its group", 0.02)
    agent = until(Supervised(as_root.layout(limited).supervise(AGENT)).process, 5, "an agent", 0.02)
    assert agent.pid not in limits.members(limited.instance_id)
    told = host.run_job(["cat", "/proc/self/cgroup"], 10).output
    assert f"trove-{limited.instance_id}" in told


def test_an_ordinary_user_has_none_and_hears_it() -> None:
    if os.geteuid() == 0:
        pytest.skip("needs an ordinary user")
    found = limits.ensure("00000000-0000-0000-0000-000000000000", 128, 1, Path("/nonexistent"))
    assert found.kind == limits.NONE and "root" in found.note
