"""The schema that the migrations make is the schema that the queries are written for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from common.errors import Conflict, Internal, Refused, Unreachable
from tests.trove.world import open_seeded
from trove.db import migrations, schema
from trove.db.store import Store, open_store


def differences(store: Store) -> list[object]:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, schema.metadata))


def test_migrated_schema_is_the_metadata(store: Store) -> None:
    assert differences(store) == []


def test_head_is_the_last_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_a_difference_would_be_seen(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sqlalchemy.text("ALTER TABLE flavors ADD COLUMN colour TEXT"))
    assert differences(store) != []


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    open_seeded(tmp_path).close()
    key = (tmp_path / "key").read_bytes()
    again = open_seeded(tmp_path)
    assert (tmp_path / "key").read_bytes() == key
    assert differences(again) == []
    again.close()


def test_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    open_seeded(tmp_path).close()
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(Refused, match="can be read by others"):
        open_seeded(tmp_path)


def test_a_lost_key_file_is_not_made_anew(tmp_path: Path) -> None:
    open_seeded(tmp_path).close()
    (tmp_path / "key").unlink()
    with pytest.raises(Refused, match="is missing"):
        open_seeded(tmp_path)
    assert not (tmp_path / "key").exists()


def test_the_key_file_of_another_store_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        open_seeded(tmp_path / name).close()
    with pytest.raises(Internal, match="does not open"):
        open_store(f"sqlite:///{tmp_path}/a/trove.sqlite", tmp_path / "b" / "key")


def test_a_store_of_the_first_release_is_brought_up(tmp_path: Path) -> None:
    """Its rows stay, and are read by the queries of today."""
    open_seeded(tmp_path).close()
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/trove.sqlite")
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE operations DROP COLUMN next_try")
        connection.exec_driver_sql("DROP TABLE idempotency_keys")
        connection.exec_driver_sql("ALTER TABLE instances DROP COLUMN agent_lost_at")
        connection.exec_driver_sql("ALTER TABLE instances DROP COLUMN observed_drift")
        connection.exec_driver_sql("DROP TABLE events")
        connection.exec_driver_sql("DROP TABLE hosts")
        connection.exec_driver_sql("ALTER TABLE instances DROP COLUMN host")
        connection.exec_driver_sql("ALTER TABLE instances DROP COLUMN release")
        connection.exec_driver_sql("ALTER TABLE instances DROP COLUMN agent_release")
        connection.exec_driver_sql("ALTER TABLE operations DROP COLUMN release")
        connection.exec_driver_sql("DROP TABLE parameter_rules")
        connection.exec_driver_sql("DROP INDEX ix_instances_configuration_id")
        connection.exec_driver_sql("DROP INDEX ix_instances_settings_due")
        for column in ("configuration_id", "configured", "settings_due", "observed_waiting", "next_secrets"):
            connection.exec_driver_sql(f"ALTER TABLE instances DROP COLUMN {column}")
        connection.exec_driver_sql("DROP TABLE configurations")
        connection.exec_driver_sql("DROP TABLE api_tokens")
        connection.exec_driver_sql("DROP TABLE audit")
        connection.exec_driver_sql("DROP TABLE audit_chain")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        connection.exec_driver_sql("INSERT INTO flavors (id, name, ram, vcpus, disk) VALUES ('old', 'old', 1, 1, 1)")
    engine.dispose()
    upgraded = open_seeded(tmp_path)
    assert differences(upgraded) == []
    with upgraded.read() as connection:
        assert connection.exec_driver_sql("SELECT ram FROM flavors WHERE id = 'old'").scalar_one() == 1
    upgraded.close()


def at_revision(root: Path, revision: str) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{root}/trove.sqlite")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    engine.dispose()


def test_the_store_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_seeded(tmp_path).close()
    at_revision(tmp_path, "9999")
    with pytest.raises(Conflict, match=r"newer release than this program \(schema 9999, not"):
        open_seeded(tmp_path)
    with pytest.raises(Conflict):
        open_seeded(tmp_path)


def test_the_schema_changes_only_while_nobody_else_works_on_it(tmp_path: Path) -> None:
    @contextmanager
    def not_alone() -> Iterator[None]:
        raise Conflict("A task manager works.")
        yield

    with pytest.raises(Conflict, match="A task manager works"):
        open_store(f"sqlite:///{tmp_path}/trove.sqlite", tmp_path / "key", not_alone)
    open_seeded(tmp_path).close()
    open_store(f"sqlite:///{tmp_path}/trove.sqlite", tmp_path / "key", not_alone).close()


def test_a_store_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="The store cannot be opened"):
        open_store("postgresql+psycopg://nobody@127.0.0.1:1/trove", tmp_path / "key")
