"""One id leads from a person's request to what was done for it: answer, operation, control plane's log, agent's log."""

import json
import sqlite3
import urllib.request
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.awaiting import until
from tests.installation import Installation

pytestmark = pytest.mark.server


def ask(installed: Installation, method: str, path: str, body: object, request_id: str) -> Any:
    """One request that brings its id, which must come back; the decoded body."""
    headers = {"Content-Type": "application/json", "X-OpenStack-Request-ID": request_id}
    request = urllib.request.Request(installed.endpoint + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["X-OpenStack-Request-Id"] == request_id
        return json.loads(answer.read() or "null")


def new_id() -> str:
    return f"req-{uuid.uuid4()}"


def said_under(request_id: str, log: Path) -> str:
    """The lines of a log that carry the id."""
    return "\n".join(line for line in log.read_text().splitlines() if f"[{request_id}]" in line)


def operations_of(installed: Installation, request_id: str) -> list[tuple[str, str]]:
    """Kind and state of the operations that the store knows under the id."""
    with closing(sqlite3.connect(f"file:{installed.state}/trove.sqlite?mode=ro", uri=True)) as store:
        return store.execute("SELECT kind, state FROM operations WHERE request_id = ?", (request_id,)).fetchall()


def test_a_creation_and_a_restart_are_found_by_their_request_ids(installed: Installation) -> None:
    created, restarted = new_id(), new_id()
    wanted = {"name": "traced", "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": "mariadb"},
              "databases": [{"name": "shop"}]}
    instance = ask(installed, "POST", "/instances", {"instance": wanted}, created)["instance"]["id"]
    installed.healthy(instance)
    ask(installed, "POST", f"/instances/{instance}/action", {"restart": {}}, restarted)
    until(lambda: operations_of(installed, restarted) == [("restart", "done")], 120, "the restart is done")
    assert operations_of(installed, created) == [("create", "done")]

    control = installed.state / "log" / "trove.log"
    agent = installed.home(instance) / "log" / "agent" / "current"
    for request_id, method, step in ((created, "prepare", "prepare"), (restarted, "restart", "restart_server")):
        done = said_under(request_id, control)
        assert "A request was answered. method=POST" in done and f"step={step}" in done, done
        assert "A guest has ended its work." in done and "An operation has ended." in done, done
        told = said_under(request_id, agent)
        assert f"An operation is done. method={method}" in told, agent.read_text()
    assert restarted not in said_under(created, control)
    installed.delete(instance)
    installed.gone(instance)


def test_the_metrics_tell_of_it(installed: Installation) -> None:
    endpoint = installed.refresh()["endpoint"]
    with urllib.request.urlopen(f"{endpoint}/metrics", timeout=60) as answer:
        shown = answer.read().decode()
    lines = dict(line.rpartition(" ")[::2] for line in shown.splitlines() if not line.startswith("#"))
    assert shown.endswith("# EOF\n") and lines["trove_bus_connected"] == "1.0"
    assert float(lines["trove_heartbeats_stale"]) == 0
    assert float(lines["process_resident_memory_bytes"]) > 2**20
