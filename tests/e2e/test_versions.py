"""Two versions of a datastore on one machine, each by its own programs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import embedded
from tests.installation import CommandFailed, Installation, psql

pytestmark = pytest.mark.server

PASSWORD = "secret-anna"


@pytest.fixture(scope="module")
def eighteen() -> Iterator[Path]:
    with embedded.postgresql() as top:
        yield top


def created(installed: Installation, version: str) -> tuple[str, dict[str, Any]]:
    answer = installed.openstack(
        "database", "instance", "create", f"on-{version}", "--flavor", "1", "--size", "1", "--datastore", "postgresql",
        "--datastore-version", version, "--databases", "shop", "--users", f"anna:{PASSWORD}")
    return str(answer["id"]), installed.healthy(str(answer["id"]))


def test_two_versions_stand_side_by_side(installed: Installation, eighteen: Path) -> None:
    with pytest.raises(CommandFailed, match="is postgresql 18 and not 17"):
        installed.trovectl("datastore", "version", "add", "postgresql", "17", "--binaries", str(eighteen))
    installed.trovectl("datastore", "version", "add", "postgresql", "18", "--binaries", str(eighteen))
    offered = {row["Name"] for row in installed.openstack("datastore", "version", "list", "postgresql")}
    assert {"15", "18"} <= offered

    ids = {}
    for version in ("15", "18"):
        ids[version], shown = created(installed, version)
        assert shown["datastore"] == {"type": "postgresql", "version": version, "version_number": version}
        assert psql(shown, "anna", PASSWORD, "SHOW server_version")[0].startswith(f"{version}.")
    programs = Path(f"/proc/{installed.service_pid(ids['18'], 'database')}/exe").readlink()
    assert programs == eighteen / "bin" / "postgres"

    status, answer = installed.request("POST", "/configurations", {"configuration": {
        "name": "for 15", "values": {"work_mem": "8MB"}, "datastore": {"type": "postgresql", "version": "15"}}})
    assert status == 200, answer
    body = {"instance": {"configuration": answer["configuration"]["id"]}}
    assert installed.request("PUT", f"/instances/{ids['18']}", body)[0] == 400
    for version, status in (("18", 200), ("15", 404)):
        path = f"/datastores/postgresql/versions/{version}/parameters/io_method"
        assert installed.request("GET", path)[0] == status

    for instance in ids.values():
        installed.delete(instance)
        installed.gone(instance)
    versions = json.loads(installed.trovectl("datastore", "version", "list", "--json"))["versions"]
    assert {row["name"] for row in versions if row["datastore_name"] == "postgresql"} >= {"15", "18"}
    installed.trovectl("datastore", "version", "deactivate", "postgresql", "18")
    status, answer = installed.request("POST", "/instances", {"instance": {
        "name": "late", "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": "postgresql", "version": "18"}}})
    assert (status, "active" in answer["badRequest"]["message"]) == (400, True), answer
