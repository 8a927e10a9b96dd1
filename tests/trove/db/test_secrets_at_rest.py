"""What the database file holds can be read by whoever steals it: no secret is in it in clear."""

from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import StatementError

from common.contract import types as t
from common.errors import Internal, Refused
from common.secret import Secret
from tests.trove.world import PASSWORD, wanted
from trove.db import guests, schema
from trove.db.commands import Commands
from trove.db.encrypted import Sealed, key_from
from trove.db.store import Store

ROOT_PASSWORD = "a-planted-root-password"


def files(root: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(root.glob("trove.sqlite*")))


@pytest.fixture
def instance_id(commands: Commands) -> str:
    asked = commands.create_instance("p", wanted(root_password=Secret(ROOT_PASSWORD)), request_id="r")
    return asked.instance_id


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_no_password_and_no_key_is_in_the_file(store: Store, instance_id: str, tmp_path: Path) -> None:
    with store.read() as connection:
        held_of = guests.current(connection, store.vault, instance_id)
        keys, bus_password = held_of.keys, held_of.password
    held = files(tmp_path)
    assert instance_id.encode() in held
    for secret in (PASSWORD, ROOT_PASSWORD, keys.to_guest.reveal(), keys.from_guest.reveal(), bus_password.reveal()):
        assert secret.encode() not in held


def test_the_order_comes_back_as_it_was_asked_for(store: Store, instance_id: str) -> None:
    with store.read() as connection:
        order = guests.order(connection, store.vault, instance_id)
    assert order == t.Prepare(
        memory_mb=512, databases=(t.Database(name="shelf"),), root_password=Secret(ROOT_PASSWORD),
        users=(t.NewUser(name="reader", password=Secret(PASSWORD), databases=("shelf",)),))


def test_an_encrypted_column_takes_no_clear_text(store: Store, instance_id: str) -> None:
    with pytest.raises(StatementError, match="takes Sealed"), store.write() as connection:
        connection.execute(update(schema.instances).values(order="clear"))


def test_a_ciphertext_opens_in_its_own_row_and_column_alone(store: Store, commands: Commands, instance_id: str) -> None:
    other = commands.create_instance("p", wanted(), request_id="r").instance_id
    columns = schema.instances.c
    with store.write() as connection:
        stolen = connection.execute(select(columns.key_to_guest).where(columns.id == instance_id)).scalar_one()
        connection.execute(update(schema.instances).where(columns.id == other).values(key_to_guest=stolen))
    with store.read() as connection, pytest.raises(Internal, match="does not open"):
        guests.peer(connection, store.vault, other)
    with pytest.raises(Internal, match="does not open"):
        store.vault.open(columns.key_from_guest, instance_id, stolen)


def test_sealing_the_same_text_twice_gives_two_texts(store: Store) -> None:
    column = schema.instances.c.order
    first, second = (store.vault.seal(column, "row", Secret("same")) for _ in range(2))
    assert first != second
    assert store.vault.open(column, "row", first) == store.vault.open(column, "row", second) == Secret("same")


def test_a_changed_ciphertext_does_not_open(store: Store) -> None:
    column = schema.instances.c.order
    sealed = store.vault.seal(column, "row", Secret("text"))
    changed = sealed.text[:-8] + ("AAAA" if sealed.text[-8:-4] != "AAAA" else "BBBB") + sealed.text[-4:]
    with pytest.raises(Internal):
        store.vault.open(column, "row", Sealed(changed))


@pytest.mark.parametrize("content", ["", "no base64!", "c2hvcnQ="])
def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(Refused, match=f"{file} does not hold a key"):
        key_from(file, create=False)
