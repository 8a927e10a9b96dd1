"""``trovectl host``: registering machines, and what is said of them."""

import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, update

from common.errors import HostFailed
from tests.trove.cli.served import Served
from tests.trove.cli.test_completion import offered
from tests.trove.cli.typed import document, trovectl
from tests.trove.machines import FACTS, KEY
from trove.cli import output
from trove.db import schema, spots
from trove.domain.placement import RESERVE_MB
from trove.domain.spots import Spot
from trove.providers.ssh import hostkeys

FINGERPRINT = hostkeys.fingerprint(KEY)
HAS_MB = FACTS.memory_mb - RESERVE_MB


@pytest.fixture(autouse=True)
def _alone(api: Served) -> Iterator[None]:
    """Hosts belong to no project, and tests share the server."""
    yield
    api.machines.down.clear()
    api.machines.wrong.clear()
    api.machines.facts = FACTS
    with api.works.store.write() as connection:
        connection.execute(update(schema.instances).values(host=None, address=None, port=None))
        connection.execute(delete(schema.hosts))


def add(api: Served, name: str = "db1", *words: str, code: int = 0) -> Any:
    place = ("--address", f"{name}.example", "--listen-address", f"192.0.2.{name[2:]}", "--host-key", KEY)
    return document("host", "add", name, *place, *words, api=api, code=code)


def stand(api: Served, host: str) -> str:
    instance_id, _ = api.instance(f"on-{host}-{uuid.uuid4().hex[:6]}")
    with api.works.store.write() as connection:
        spots.store(connection, instance_id, Spot(host, f"{host}.example", 3306))
    return instance_id


def test_a_host_is_registered_with_the_key_that_its_operator_knows(api: Served) -> None:
    shown = add(api, "db1", "--user", "trove", "--port", "2222")["host"]
    assert (shown["user"], shown["port"], shown["host_key"], shown["problem"]) == ("trove", 2222, KEY, None)
    said = trovectl("host", "check", "db1", api=api)
    assert said.exit_code == 0 and f"{HAS_MB} MB of memory and {FACTS.disk_gb} GB of disk" in said.stdout


def test_the_key_that_a_machine_shows_is_asked_about(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_asked_by_a_person", lambda: True)
    asked = ("host", "add", "db1", "--address", "127.0.0.9")
    no = trovectl(*asked, api=api, typed="n\n")
    assert no.exit_code == 1 and FINGERPRINT in no.stderr
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in no.stderr
    assert document("host", "list", api=api) == {"hosts": []}
    assert trovectl(*asked, api=api, typed="y\n").exit_code == 0
    [shown] = document("host", "list", api=api)["hosts"]
    assert (shown["host_key"], shown["listen_address"]) == (KEY, "127.0.0.9")


def test_where_nobody_can_be_asked_the_key_is_named_or_believed(api: Served) -> None:
    asked = ("host", "add", "db1", "--address", "127.0.0.9")
    refused = document(*asked, api=api, code=1)["error"]
    assert FINGERPRINT in refused["message"] and "--host-key" in refused["hint"]
    assert document(*asked, "--yes", api=api)["host"]["host_key"] == KEY


def test_what_is_missing_is_said_with_its_remedy_and_the_exit_code(api: Served) -> None:
    api.machines.wrong["db1.example"] = HostFailed("The host db1 has no rsync.", "Run there: apt-get install rsync")
    assert add(api, code=1)["host"]["problem"] == "The host db1 has no rsync. Run there: apt-get install rsync"
    said = trovectl("host", "check", "db1", api=api)
    assert said.exit_code == 1 and "Run there: apt-get install rsync" in said.stdout
    api.machines.wrong.clear()
    assert document("host", "check", "db1", api=api)["host"]["problem"] is None


def test_a_host_without_an_engine_is_told_how_to_get_one(api: Served) -> None:
    api.machines.facts = msgspec.structs.replace(FACTS, engines={})
    add(api)
    assert "apt-get install mariadb-server-core" in trovectl("host", "check", "db1", api=api).stdout


def test_the_list_shows_what_is_used_and_free(api: Served) -> None:
    add(api, "db1")
    add(api, "db2")
    stand(api, "db1")
    lines = [line.split() for line in trovectl("host", "list", api=api).stdout.splitlines()[1:]]
    (first, *_), second = lines[0], lines[1]
    assert first == "db1" and lines[0][3] == "1"
    assert second == ["db2", "192.0.2.2", "active", "0", "0", "MB", str(HAS_MB), "MB", "0", "GB",
                      str(FACTS.disk_gb), "GB"]
    used, free = int(lines[0][4]), int(lines[0][6])
    assert used > 0 and used + free == HAS_MB


def test_a_host_that_was_never_seen_is_listed_with_why(api: Served) -> None:
    api.machines.down.add("db1.example")
    add(api, code=1)
    assert "Nobody answers at db1.example." in trovectl("host", "list", api=api).stdout
    assert "Nobody answers at db1.example." in trovectl("host", "show", "db1", api=api).stdout


def test_draining_names_what_stays(api: Served) -> None:
    add(api)
    assert "Nothing stands there." in trovectl("host", "drain", "db1", api=api).stdout
    instance_id = stand(api, "db1")
    assert instance_id in trovectl("host", "drain", "db1", api=api).stdout
    assert instance_id in trovectl("host", "show", "db1", api=api).stdout
    assert document("host", "show", "db1", api=api)["host"]["state"] == "draining"
    assert document("host", "activate", "db1", api=api)["host"]["state"] == "active"


def test_a_host_with_instances_stays_and_an_empty_one_goes(api: Served) -> None:
    add(api)
    instance_id = stand(api, "db1")
    assert instance_id in document("host", "remove", "db1", api=api, code=1)["error"]["message"]
    add(api, "db2")
    assert document("host", "remove", "db2", api=api) == {"host": {"name": "db2"}, "removed": True}
    assert document("host", "show", "db2", api=api, code=1)["error"]["code"] == "not_found"


def test_a_host_that_is_gone_for_good_goes_with_the_last_of_its_instances(api: Served) -> None:
    add(api)
    instance_id = stand(api, "db1")
    said = trovectl("host", "remove", "db1", "--lost", api=api)
    assert said.exit_code == 0 and "delete them" in said.stdout and instance_id in said.stdout
    assert document("host", "remove", "db1", "--lost", api=api) == {
        "host": {"name": "db1"}, "removed": False, "instances": [instance_id]}
    assert document("host", "show", "db1", api=api)["host"]["state"] == "lost"
    add(api, "db2")
    assert document("host", "remove", "db2", "--lost", api=api) == {"host": {"name": "db2"}, "removed": True}
    assert document("host", "show", "db2", api=api, code=1)["error"]["code"] == "not_found"


def test_a_name_that_is_taken_is_refused(api: Served) -> None:
    add(api)
    assert "is another host's" in add(api, code=1)["error"]["message"]


def test_names_are_offered_to_the_shell(api: Served) -> None:
    add(api, "db1")
    add(api, "db2")
    assert offered("host", "show", "--endpoint", api.endpoint, "db") == ["db1", "db2"]
