"""``trovectl audit``: who asked for what, as lines, as documents, and as it goes on."""

import json
import time
from typing import Any

import pytest

from tests.trove.cli.served import Served
from tests.trove.cli.typed import document, trovectl
from trove.cli import audit
from trove.db.audit_chain import Chain


def lines(api: Served, *words: str) -> list[str]:
    shown = trovectl("audit", *words, api=api)
    assert shown.exit_code == 0, shown.output
    return shown.stdout.splitlines()


def test_each_row_is_a_line_or_a_document(api: Served) -> None:
    instance_id, _ = api.instance()
    trovectl("instance", "delete", "orders", "--yes", api=api)
    create, delete, ended = lines(api, "--instance", instance_id)
    assert create.endswith(f"noauth 127.0.0.1  done 200  POST /v1.0/{api.project}/instances")
    assert delete.endswith(f"done 202  DELETE /v1.0/{api.project}/instances/{instance_id}")
    assert ended.endswith(f"system  cancelled  operation.create {instance_id}")
    told = [json.loads(line) for line in lines(api, "--json-lines")]
    assert [(row["status"], row["instance_id"]) for row in told] == [
        (200, instance_id), (202, instance_id), (None, instance_id)]
    assert document("audit", api=api)["audit"] == told
    assert lines(api, "--outcome", "failed") == []
    assert document("audit", "--outcome", "x", api=api, code=1)["error"]["code"] == "invalid"


def test_rows_are_held_against_their_chain(api: Served) -> None:
    api.instance()
    assert document("audit", "--verify", api=api) == {"chain": []}
    assert "no row in the chain yet" in lines(api, "--verify")[0]
    store = api.works.store
    assert Chain(store, clock=lambda: time.time() + 3600).extend()
    [link] = document("audit", "--verify", api=api)["chain"]
    [said] = lines(api, "--verify")
    assert said.endswith(f"to {link['last']}. It ends with link {link['id']}: {link['digest']}.")


def test_a_chain_that_is_broken_is_told(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    link = {"id": 7, "after": 10, "last": 20, "rows": 9, "verdict": "rows are missing"}
    monkeypatch.setattr(audit, "_rows", lambda *_: [link | {"id": 6, "verdict": "whole"}, link])
    told = document("audit", "--verify", api=api, code=1)
    assert told["error"]["message"] == "1 of 2 links of the audit are not whole." and told["chain"][1] == link
    shown = trovectl("audit", "--verify", api=api)
    assert shown.exit_code == 1 and shown.stdout.split() == [
        "LINK", "ROWS", "FROM", "TO", "VERDICT", "7", "9", "11", "20", "rows", "are", "missing"]


class Told:
    """An API that answers with these rows."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def get(self, _path: str, **query: str | None) -> dict[str, Any]:
        return {"audit": [row for row in self.rows if row["id"] > int(query["after"] or 0)]}


def test_who_follows_sees_each_row_once_when_its_outcome_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(audit.time, "monotonic", lambda: now[0])
    api = Told([{"id": 1, "outcome": "done"}, {"id": 3, "outcome": "unknown"}, {"id": 4, "outcome": "done"}])
    tail = audit.Tail(lambda: api, "/audit", {})

    def asked_at(moment: float) -> list[int]:
        now[0] = moment
        return [row["id"] for row in tail.ask()]

    assert asked_at(0) == []
    api.rows.insert(1, {"id": 2, "outcome": "done"})  # it had its id before, and its commit after, the one behind it
    assert asked_at(audit.SETTLED) == [1]
    assert asked_at(2 * audit.SETTLED) == [2]
    assert asked_at(3 * audit.SETTLED) == []
    api.rows[2] = {"id": 3, "outcome": "refused"}
    assert asked_at(4 * audit.SETTLED) == [3, 4]
    api.rows.append({"id": 5, "outcome": "unknown"})
    assert asked_at(100) == [] and asked_at(100 + audit.ANSWERED) == [5] and asked_at(300) == []
