"""``trovectl operation`` against the API."""

import time
from collections.abc import Iterator

import pytest

from common.errors import HostFailed
from tests.trove.cli.served import Served
from tests.trove.cli.typed import document, trovectl
from trove.db import endings, operations


def newest(api: Served) -> str:
    return str(document("operation", "list", "--limit", "1", api=api)["operations"][0]["id"])


@pytest.fixture
def stuck(api: Served) -> Iterator[str]:
    """The operation of a creation that nobody works on."""
    api.works.idle = True
    api.instance()
    yield newest(api)
    api.works.idle = False


def begin(api: Served, operation_id: str) -> None:
    with api.works.store.write() as connection:
        assert operations.begin(connection, operation_id, "e")
        assert operations.enter_step(connection, operation_id, "place", "Makes the place.", 600)
        operations.get_on(connection, operation_id, "Unpacks.", 40.0, time.time() + 60)


def test_operations_are_listed_and_shown(api: Served, stuck: str) -> None:
    begin(api, stuck)
    table = trovectl("operation", "list", api=api).stdout.splitlines()
    assert table[0].split()[:4] == ["ID", "INSTANCE", "KIND", "STATE"] and "40 %" in table[1] and "Unpacks." in table[1]
    shown = trovectl("operation", "show", stuck, api=api).stdout
    assert "Unpacks." in shown and "40 %" in shown and "deadline" in shown and "remedy" not in shown
    assert document("operation", "show", stuck, api=api)["operation"]["step"] == "place"


def test_a_list_can_be_narrowed(api: Served) -> None:
    ids = [api.instance(name)[0] for name in ("orders", "stock")]
    trovectl("instance", "delete", "stock", api=api)
    of_stock = document("operation", "list", "--instance", ids[1], api=api)["operations"]
    assert [row["kind"] for row in of_stock] == ["delete", "create"]
    of_orders = document("operation", "list", "--instance", "orders", api=api)["operations"]
    assert [row["instance_id"] for row in of_orders] == ids[:1]
    deletions = document("operation", "list", "--kind", "delete", api=api)["operations"]
    assert [row["instance_id"] for row in deletions] == ids[1:]
    assert document("operation", "list", "--only", "failed", api=api) == {"operations": []}
    assert len(document("operation", "list", "--limit", "2", api=api)["operations"]) == 2


def test_what_failed_is_retried_and_waited_for(api: Served, stuck: str) -> None:
    begin(api, stuck)
    with api.works.store.write() as connection:
        endings.fail(connection, stuck, HostFailed("The disk is gone.", "Bring it back."))
    shown = trovectl("operation", "show", stuck, api=api).stdout
    assert "The disk is gone." in shown and "Bring it back." in shown
    api.works.idle = False
    again = document("operation", "retry", stuck, "--wait", api=api)["operation"]
    assert again["id"] != stuck and again["kind"] == "create"
    assert document("instance", "show", "orders", api=api)["instance"]["status"] == "ACTIVE"


def test_what_is_under_way_is_called_off(api: Served, stuck: str) -> None:
    begin(api, stuck)
    assert trovectl("operation", "cancel", stuck, api=api).exit_code == 0
    assert document("instance", "show", "orders", api=api)["instance"]["status"] in ("BUILD", "ERROR")


def test_refusals(api: Served, stuck: str) -> None:
    shown = trovectl("operation", "retry", stuck, api=api)
    assert shown.exit_code == 1 and shown.stderr.strip().endswith(".")
    assert document("operation", "list", "--only", "lost", api=api, code=1)["error"]["code"] == "invalid"
    assert document("operation", "show", "nothing", api=api, code=1)["error"]["code"] == "not_found"
