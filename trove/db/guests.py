"""What the control plane holds of each guest: its keys, its broker password, and the order that waits for it.

A guest has one set of secrets; while they are changed it has two, each with a login of its own, and the next set is of
the epoch after. Which of them its agent seals with, the agent says.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, select, update

from common.contract import codec
from common.contract.placement import GuestKeys
from common.contract.types import Prepare
from common.crypto import Key
from common.errors import NotFound
from common.secret import Secret
from trove.domain.peers import PeerKeys

from . import schema
from .encrypted import Vault

_i = schema.instances.c
_SECRETS = (_i.key_epoch, _i.key_to_guest, _i.key_from_guest, _i.bus_password, _i.next_secrets)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a guest gets: its keys, and the password of the broker login that goes with them."""

    keys: GuestKeys
    password: Secret

    @classmethod
    def draw(cls, epoch: int) -> "Secrets":
        keys = GuestKeys(epoch=epoch, to_guest=Key.generate().text(), from_guest=Key.generate().text())
        return cls(keys, Secret(secrets.token_urlsafe(32)))


class _Kept(Struct, frozen=True, kw_only=True):
    """``Secrets`` as the column ``next_secrets`` holds them."""

    to_guest: Secret
    from_guest: Secret
    password: Secret


def peer(connection: Connection, vault: Vault, instance_id: str) -> PeerKeys:
    """What is needed to speak with its agent: the keys that it reports under, whether or not others are to follow.

    Raises NotFound for an instance that does not live.
    """
    row = _row(connection, instance_id, *_SECRETS, _i.hello_epoch, _i.incarnation, _i.contract_version,
               _i.capabilities)
    keys, following = _current(vault, instance_id, row).keys, _next(vault, instance_id, row)
    other = None if following is None else following.keys
    if other is not None and row.hello_epoch >= other.epoch:
        keys, other = other, keys
    return PeerKeys(
        epoch=keys.epoch,
        to_guest=Key.from_text(keys.to_guest),
        from_guest=Key.from_text(keys.from_guest),
        also_from=() if other is None else (Key.from_text(other.from_guest),),
        incarnation=row.incarnation,
        contract_version=row.contract_version,
        capabilities=None if row.incarnation is None else frozenset(row.capabilities.split()),
    )


def report_keys(connection: Connection, vault: Vault, instance_id: str) -> Mapping[int, Key]:
    """What opens its reports, by epoch; none for an instance that does not live."""
    query = select(_i.key_epoch, _i.key_from_guest, _i.next_secrets).where(_i.id == instance_id,
                                                                           _i.deleted_at.is_(None))
    row = connection.execute(query).one_or_none()
    if row is None:
        return {}
    keys = {row.key_epoch: Key.from_text(vault.open(_i.key_from_guest, instance_id, row.key_from_guest))}
    following = _next(vault, instance_id, row)
    return keys if following is None else keys | {following.keys.epoch: Key.from_text(following.keys.from_guest)}


def placement(connection: Connection, vault: Vault, instance_id: str) -> Secrets:
    """As the agent is given them when it is placed: the newest. Raises NotFound."""
    return following(connection, vault, instance_id) or current(connection, vault, instance_id)


def current(connection: Connection, vault: Vault, instance_id: str) -> Secrets:
    """Raises NotFound."""
    return _current(vault, instance_id, _row(connection, instance_id, *_SECRETS))


def following(connection: Connection, vault: Vault, instance_id: str) -> Secrets | None:
    """Those that are to take their place. Raises NotFound."""
    return _next(vault, instance_id, _row(connection, instance_id, *_SECRETS))


def bus_passwords(connection: Connection, vault: Vault, instance_id: str) -> Mapping[int, Secret]:
    """Of the guest's logins at the broker, by epoch. Raises NotFound."""
    row = _row(connection, instance_id, *_SECRETS)
    there = (_current(vault, instance_id, row), _next(vault, instance_id, row))
    return {each.keys.epoch: each.password for each in there if each is not None}


def keep_next(connection: Connection, vault: Vault, instance_id: str, drawn: Secrets) -> None:
    """From now on these are valid, too, and what the agent is placed with."""
    kept = _Kept(to_guest=drawn.keys.to_guest, from_guest=drawn.keys.from_guest, password=drawn.password)
    sealed = vault.seal(_i.next_secrets, instance_id, Secret(codec.encode(kept).decode()))
    connection.execute(update(schema.instances).where(_i.id == instance_id).values(next_secrets=sealed))


def reports_under(connection: Connection, instance_id: str) -> int:
    """The epoch of the keys under which its agent said hello last. Raises NotFound."""
    return int(_row(connection, instance_id, _i.hello_epoch).hello_epoch)


def drop_former(connection: Connection, vault: Vault, instance_id: str) -> None:
    """The next secrets are the only ones; nothing to do where there are none. Raises NotFound."""
    only = following(connection, vault, instance_id)
    if only is not None:
        connection.execute(update(schema.instances).where(_i.id == instance_id).values(
            key_epoch=only.keys.epoch, next_secrets=None,
            key_to_guest=vault.seal(_i.key_to_guest, instance_id, only.keys.to_guest),
            key_from_guest=vault.seal(_i.key_from_guest, instance_id, only.keys.from_guest),
            bus_password=vault.seal(_i.bus_password, instance_id, only.password)))


def order(connection: Connection, vault: Vault, instance_id: str) -> Prepare | None:
    """What the creation asks of the guest; None once it serves, or is to be deleted."""
    sealed = connection.execute(select(_i.order).where(_i.id == instance_id)).scalar_one_or_none()
    return None if sealed is None else codec.decode(vault.open(_i.order, instance_id, sealed).reveal(), Prepare)


def has_order(connection: Connection, instance_id: str) -> bool:
    return connection.execute(select(_i.id).where(_i.id == instance_id, _i.order.is_not(None))).first() is not None


def wipe_order(connection: Connection, instance_id: str) -> None:
    connection.execute(update(schema.instances).where(_i.id == instance_id).values(order=None))


def _row(connection: Connection, instance_id: str, *columns: Any) -> Any:
    """Raises NotFound for an instance that does not live."""
    row = connection.execute(select(*columns).where(_i.id == instance_id, _i.deleted_at.is_(None))).one_or_none()
    if row is None:
        raise NotFound(f"Instance {instance_id} could not be found.")
    return row


def _current(vault: Vault, instance_id: str, row: Any) -> Secrets:
    return Secrets(
        GuestKeys(epoch=row.key_epoch, to_guest=vault.open(_i.key_to_guest, instance_id, row.key_to_guest),
                  from_guest=vault.open(_i.key_from_guest, instance_id, row.key_from_guest)),
        vault.open(_i.bus_password, instance_id, row.bus_password))


def _next(vault: Vault, instance_id: str, row: Any) -> Secrets | None:
    if row.next_secrets is None:
        return None
    kept = codec.decode(vault.open(_i.next_secrets, instance_id, row.next_secrets).reveal(), _Kept)
    return Secrets(GuestKeys(epoch=row.key_epoch + 1, to_guest=kept.to_guest, from_guest=kept.from_guest),
                   kept.password)
