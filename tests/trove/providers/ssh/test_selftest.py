"""The conformance kit goes to a host and runs there beside a release that has none."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ground
from tests.trove.providers.ssh import servers
from trove.providers.running import Ended
from trove.providers.ssh import selftest
from trove.releases import sources

CHECKOUT = Path(__file__).resolve().parents[4]
RELEASE = Path(sys.prefix, "share", "trove", "agent")


class Here:
    """In place of SSH: as ordinary a login as the test is, with nothing in its environment."""

    def run(self, login: object, command: list[str], given: bytes, timeout: float, *, root: bool) -> Ended:
        assert not root
        ended = subprocess.run(command, input=given, capture_output=True, env={}, cwd="/", timeout=timeout)
        return Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.server
def test_it_runs_beside_a_release_for_one_engine_and_leaves_nothing(tmp_path: Path) -> None:
    release = tmp_path / "release"
    shutil.copytree(RELEASE / "lib", release / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(release / "lib" / "troveguest" / "datastores" / "fake")
    (release / "lib" / "common" / "datastores" / "fake.py").unlink()
    before = sorted(release.rglob("*.py"))
    with ground.directory() as directory, servers.running(directory) as machine:
        ended = selftest.run(machine.transport, machine.server, str(release), sources.checkout(CHECKOUT))
    assert ended.code == 0, ended
    assert "behaviours are as they must be" in ended.output.decode().splitlines()[-1]
    assert sorted(release.rglob("*.py")) == before


@pytest.mark.slow
def test_a_behaviour_that_is_missing_is_said(tmp_path: Path) -> None:
    shutil.copytree(RELEASE / "lib", tmp_path / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    engine = tmp_path / "lib" / "troveguest" / "datastores" / "fake" / "engine.py"
    engine.write_text(engine.read_text().replace("account.databases.remove(database)", "pass"))
    ended = selftest.run(Here(), None, str(tmp_path), sources.checkout(CHECKOUT))  # type: ignore[arg-type]
    assert ended.code == 1
    assert [line for line in ended.output.decode().splitlines() if line.startswith("FAILED  access-closes_it_again")]
