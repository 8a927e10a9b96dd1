"""The present release beside the one before: its agent under this control plane, this agent under its control plane."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.contract import CONTRACT_VERSION
from tests import ground
from tests.chaos import former_releases as former
from tests.chaos.changed_releases import PRESENT
from tests.chaos.writers import Writer
from tests.installation import Installation, installation, sql

pytestmark = pytest.mark.server

BEFORE = former.listed()[0]


@pytest.fixture(scope="module")
def before() -> Iterator[Path]:
    """The sources of the release before."""
    with ground.directory() as directory:
        yield former.tree(BEFORE["commit"], directory / "before")


def configure(made: Installation, agent_release: Path | None) -> None:
    made.state.mkdir(mode=0o711, exist_ok=True)
    text = f"[provider]\nagent_release = {agent_release}\n" if agent_release else ""
    (made.state / "trove.conf").write_text(text)


def agents(made: Installation) -> list[dict]:
    return json.loads(made.trovectl("agent", "list", "--json"))["agents"]


def lives(made: Installation, instance: str) -> dict:
    """Users, databases and a restart; the instance as it is afterwards."""
    shown = made.healthy(instance)
    status, answer = made.request("POST", f"/instances/{instance}/users", {"users": [
        {"name": "ben", "password": "secret-ben", "databases": [{"name": "shop"}]}]})
    assert status == 202, answer
    assert sql(shown, "ben", "secret-ben", "SELECT DATABASE()", "shop") == ["shop"]
    assert made.request("DELETE", f"/instances/{instance}/users/ben")[0] == 202
    server = made.service_pid(instance, "database")
    assert made.request("POST", f"/instances/{instance}/action", {"restart": {}})[0] == 202
    shown = made.healthy(instance)
    assert made.service_pid(instance, "database") != server
    assert sql(shown, "anna", "secret-anna", "SELECT 1") == ["1"]
    return shown


def test_its_agent_serves_this_control_plane_and_is_brought_to_this_release(before: Path) -> None:
    with ground.directory() as directory:
        old = former.agent(before, directory / "agent")
        made = Installation(directory / "state")
        configure(made, old)
        with installation(made.state) as made:
            instance = made.create("old agent")
            shown = lives(made, instance)
            assert [row["contract"] for row in agents(made)] == [BEFORE["contract"]]
            server = made.service_pid(instance, "database")
            made.down()
            configure(made, None)
            with Writer(shown) as writer:
                made.up()
                made.healthy(instance)
                assert [row["contract"] for row in agents(made)] == [BEFORE["contract"]], "nothing changes by itself"
                assert "1 agents were upgraded." in made.trovectl("agent", "upgrade", "--all")
                assert [(row["contract"], row["state"]) for row in agents(made)] == [(CONTRACT_VERSION, "current")]
            assert writer.failed == [] and writer.written > 0
            assert made.service_pid(instance, "database") == server
            lives(made, instance)
            made.delete(instance)
            made.gone(instance)


@pytest.mark.long
def test_this_agent_serves_its_control_plane(before: Path) -> None:
    with ground.directory() as directory:
        programs = former.control_plane(before, directory / "programs")
        made = Installation(directory / "state", programs=programs)
        configure(made, PRESENT)
        try:
            made.up()
            instance = made.create("new agent")
            lives(made, instance)
            assert "trove-guestagent" in Path(f"/proc/{made.service_pid(instance, 'agent')}/cmdline").read_text()
            made.delete(instance)
            made.gone(instance)
        finally:
            made.destroy()
