"""What is wrong with an instance is seen on its machine; and a machine that cannot carry one says so beforehand."""

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import ground, leftovers
from tests.awaiting import until
from tests.installation import Installation, address

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="looks into the files of the agent")]


@pytest.fixture(scope="module")
def instance(installed: Installation) -> Iterator[str]:
    made = installed.create("looked-at")
    installed.healthy(made)
    yield made
    installed.delete(made)
    installed.gone(made)


def agent(installed: Installation, instance: str, *words: str) -> str:
    home = installed.home(instance)
    return installed.run([str(home / "links" / "current" / "bin" / "trove-guestagent"), *words,
                          "--config-dir", str(home / "config")], check=False)


def findings(installed: Installation, instance: str) -> dict[str, tuple[str, str]]:
    """Level and sentence of what was found of the instance itself."""
    told = json.loads(agent(installed, instance, "doctor", "--json"))
    return {each["check"].partition(" ")[2]: (each["level"], each["sentence"]) for each in told["findings"]
            if each["check"].startswith(instance[:8])}


def test_a_whole_instance_is_well_and_a_broken_one_is_not(installed: Installation, instance: str) -> None:
    found = findings(installed, instance)
    assert {level for level, _ in found.values()} == {"ok"}, found
    service = installed.home(instance) / "services" / "agent"
    subprocess.run(["sv", "-w", "20", "down", service], check=True)
    try:
        assert findings(installed, instance)["services"] == ("failed", "The agent does not run.")
    finally:
        subprocess.run(["sv", "up", service], check=True)
    keys = installed.home(instance) / "config" / "20-secrets.conf"
    keys.chmod(0o644)
    try:
        assert findings(installed, instance)["secrets"][0] == "failed"
    finally:
        keys.chmod(0o600)


def test_a_login_that_the_broker_does_not_know_is_found(installed: Installation, instance: str, tmp_path: Path) -> None:
    """In a copy of the options, with another password."""
    copy = tmp_path / "home" / "config"
    copy.mkdir(parents=True)
    home = installed.home(instance)
    for file in (home / "config").glob("*.conf"):
        lines = file.read_text().splitlines()
        (copy / file.name).write_text("\n".join(
            "password = wrong" if line.startswith("password") else line for line in lines))
    program = home / "links" / "current" / "bin" / "trove-guestagent"
    said = installed.run([str(program), "doctor", "--json", "--config-dir", str(copy)], check=False)
    broker, = [each for each in json.loads(said)["findings"] if each["check"].endswith(" broker")]
    assert broker["level"] == "failed" and "does not let the agent in" in broker["sentence"]


def test_a_bundle_of_a_living_instance_has_no_secret(installed: Installation, instance: str) -> None:
    with ground.directory() as directory:
        file = directory / "bundle.tar.gz"
        assert str(file) in agent(installed, instance, "support-bundle", "-o", str(file))
        with tarfile.open(file) as archive:
            texts = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}  # type: ignore[union-attr]
    secrets = [line.partition(" = ")[2].strip('"').replace("$$", "$")
               for line in (installed.home(instance) / "config" / "20-secrets.conf").read_text().splitlines()
               if line.startswith(("password = ", "to_guest = ", "from_guest = "))]
    assert len(secrets) == 3
    planted = [secret.encode() for secret in (*secrets, "secret-anna")]
    assert [name for name, text in texts.items() if any(secret in text for secret in planted)] == []
    orders = json.loads(texts[f"trove-support/{instance}/journal.json"])
    assert [(each["method"], each["state"]) for each in orders] == [("prepare", "done")]
    assert b"ready for connections" in texts[f"trove-support/{instance}/database.log"]
    assert b"The agent serves" in texts[f"trove-support/{instance}/agent.log"]


def ended(installed: Installation, operation: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = installed.request("GET", f"/operations/{operation}")[1]["operation"]
        return None if shown["state"] in ("asked", "running") else shown

    found: dict[str, Any] = until(look, 120, "the operation ends")
    return found


def test_a_creation_that_would_fail_says_so_before_it_starts(installed: Installation) -> None:
    homes = installed.state / "instances"
    before = homes.stat().st_mode
    homes.chmod(0o700)
    try:
        made = installed.create("nowhere")
        operation = installed.request("GET", f"/instances/{made}/operations")[1]["operations"][0]["id"]
        failed = ended(installed, operation)
        assert (failed["state"], failed["step"], failed["last_error"]["code"]) == ("failed", "place", "host_failed")
        assert failed["last_error"]["message"] == f"Users of instances cannot pass through {homes}."
        assert f"chmod o+x {homes}" in failed["last_error"]["hint"]
        assert leftovers.accounts(made) == [] and not installed.home(made).exists()
    finally:
        homes.chmod(before)
    status, answer = installed.request("POST", f"/operations/{operation}", {"retry": {}})
    assert status == 202, answer
    assert ended(installed, answer["operation"]["id"])["state"] == "done"
    shown = installed.healthy(made)
    installed.delete(made)
    installed.gone(made)
    assert leftovers.of_instance(installed.state, made, address(shown)) == {}
