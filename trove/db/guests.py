"""What the control plane holds of each guest: its keys, its broker password, and the order that waits for it."""

import base64
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from common.contract import codec
from common.contract.types import Prepare
from common.errors import NotFound
from common.secret import Secret

from . import schema
from .encrypted import Vault

_i = schema.instances.c


@dataclass(frozen=True, slots=True)
class Keys:
    """32 bytes each, one a direction, with what the guest last said of itself (empty before its first hello)."""

    epoch: int
    to_guest: bytes
    from_guest: bytes
    incarnation: str
    contract_version: str
    capabilities: frozenset[str]

    def __repr__(self) -> str:
        return f"Keys(epoch={self.epoch}, incarnation={self.incarnation!r})"


def keys(connection: Connection, vault: Vault, instance_id: str) -> Keys:
    """Raises NotFound for an instance that does not live."""
    query = select(_i.key_epoch, _i.key_to_guest, _i.key_from_guest, _i.incarnation, _i.contract_version,
                   _i.capabilities).where(_i.id == instance_id, _i.deleted_at.is_(None))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"Instance {instance_id} could not be found.")
    return Keys(
        epoch=row.key_epoch,
        to_guest=_bytes(vault.open(_i.key_to_guest, instance_id, row.key_to_guest)),
        from_guest=_bytes(vault.open(_i.key_from_guest, instance_id, row.key_from_guest)),
        incarnation=row.incarnation or "",
        contract_version=row.contract_version or "",
        capabilities=frozenset(row.capabilities.split()),
    )


def bus_password(connection: Connection, vault: Vault, instance_id: str) -> Secret:
    """Of the guest's login at the broker. Raises NotFound."""
    query = select(_i.bus_password).where(_i.id == instance_id, _i.deleted_at.is_(None))
    sealed = connection.execute(query).scalar_one_or_none()
    if sealed is None:
        raise NotFound(f"Instance {instance_id} could not be found.")
    return vault.open(_i.bus_password, instance_id, sealed)


def order(connection: Connection, vault: Vault, instance_id: str) -> Prepare | None:
    """What the creation asks of the guest; None when it has ended."""
    sealed = connection.execute(select(_i.order).where(_i.id == instance_id)).scalar_one_or_none()
    return None if sealed is None else codec.decode(vault.open(_i.order, instance_id, sealed).reveal(), Prepare)


def wipe_order(connection: Connection, instance_id: str) -> None:
    connection.execute(update(schema.instances).where(_i.id == instance_id).values(order=None))


def _bytes(key: Secret) -> bytes:
    return base64.b64decode(key.reveal())
