"""Quota: charged with the row, given back with its deletion, never overdrawn and never negative."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from common.errors import Invalid, NotFound, OverQuota
from tests.trove.world import wanted
from trove.db import endings, operations, quota
from trove.db.commands import Asked, Commands
from trove.db.store import Store
from trove.domain.creation import Rules


def create(commands: Commands, project: str = "p", **changes: object) -> Asked:
    return commands.create_instance(project, wanted(**changes), request_id="r")


def in_use(commands: Commands, project: str = "p") -> dict[str, int]:
    return {each.resource: each.in_use for each in commands.quotas(project)}


def remove(store: Store, commands: Commands, instance_id: str) -> Asked:
    asked = commands.delete_instance("p", instance_id, request_id="r")
    with store.write() as connection:
        operations.begin(connection, asked.operation_id, "e")
        assert endings.succeed(connection, asked.operation_id) == "done"
    return asked


def test_a_creation_charges_every_resource(commands: Commands) -> None:
    create(commands, flavor="2", volume_gb=3)
    assert in_use(commands) == {"instances": 1, "ram": 1024, "volumes": 3, "backups": 0}
    assert {each.resource: each.reserved for each in commands.quotas("p")}["ram"] == 1024
    assert in_use(commands, "another") == {"instances": 0, "ram": 0, "volumes": 0, "backups": 0}


def test_a_deletion_gives_everything_back_once(store: Store, commands: Commands) -> None:
    kept, asked = create(commands), create(commands, volume_gb=2)
    remove(store, commands, asked.instance_id)
    assert in_use(commands) == {"instances": 1, "ram": 512, "volumes": 1, "backups": 0}
    with store.write() as connection:
        quota.release(connection, asked.instance_id)
    assert in_use(commands)["instances"] == 1
    remove(store, commands, kept.instance_id)
    assert set(in_use(commands).values()) == {0}


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"volume_gb": 11}, r"uses 0 of its 10 GB of volumes, and this asks for 11 more"),
    ({"flavor": "5"}, r"uses 0 of its 4096 MB of memory, and this asks for 8192 more"),
])
def test_what_is_over_the_limit_is_refused_whole(commands: Commands, changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(OverQuota, match=sentence):
        create(commands, **changes)
    assert set(in_use(commands).values()) == {0}
    assert commands.list_instances("p").items == ()


def test_a_project_limit_of_its_own_counts(commands: Commands) -> None:
    commands.set_quotas("p", {"instances": 1, "volumes": -1})
    create(commands, volume_gb=500)
    with pytest.raises(OverQuota, match="uses 1 of its 1 instances"):
        create(commands)
    create(commands, project="another")


@pytest.mark.parametrize(("limits", "error"), [({"shoes": 1}, NotFound), ({"ram": -2}, Invalid)])
def test_limits_that_make_no_sense(commands: Commands, limits: dict[str, int], error: type[Exception]) -> None:
    with pytest.raises(error):
        commands.set_quotas("p", limits)


def test_creations_at_once_share_the_last_places(store: Store) -> None:
    commands = Commands(store, Rules(default_datastore="fake", max_instances=4))

    def attempt(_: int) -> bool:
        try:
            create(commands)
        except OverQuota:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 4
    assert in_use(commands)["instances"] == 4
    assert len(commands.list_instances("p").items) == 4


def test_deletions_and_creations_at_once_keep_the_books(store: Store) -> None:
    commands = Commands(store, Rules(default_datastore="fake", max_instances=6))
    first = [create(commands).instance_id for _ in range(6)]

    def replace(instance_id: str) -> None:
        remove(store, commands, instance_id)
        create(commands)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(replace, first))
    assert in_use(commands) == {"instances": 6, "ram": 6 * 512, "volumes": 6, "backups": 0}
