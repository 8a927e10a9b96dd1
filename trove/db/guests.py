"""What the control plane holds of each guest: its keys, its broker password, and the order that waits for it."""

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


def peer(connection: Connection, vault: Vault, instance_id: str) -> PeerKeys:
    """What is needed to speak with its agent. Raises NotFound for an instance that does not live."""
    query = select(_i.key_epoch, _i.key_to_guest, _i.key_from_guest, _i.incarnation, _i.contract_version,
                   _i.capabilities).where(_i.id == instance_id, _i.deleted_at.is_(None))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _missing(instance_id)
    return PeerKeys(
        epoch=row.key_epoch,
        to_guest=Key.from_text(vault.open(_i.key_to_guest, instance_id, row.key_to_guest)),
        from_guest=Key.from_text(vault.open(_i.key_from_guest, instance_id, row.key_from_guest)),
        incarnation=row.incarnation,
        contract_version=row.contract_version,
        capabilities=None if row.incarnation is None else frozenset(row.capabilities.split()),
    )


def report_key(connection: Connection, vault: Vault, instance_id: str) -> Key | None:
    """What opens its reports; None for an instance that does not live."""
    query = select(_i.key_from_guest).where(_i.id == instance_id, _i.deleted_at.is_(None))
    sealed = connection.execute(query).scalar_one_or_none()
    return None if sealed is None else Key.from_text(vault.open(_i.key_from_guest, instance_id, sealed))


def bus_password(connection: Connection, vault: Vault, instance_id: str) -> Secret:
    """Of the guest's login at the broker. Raises NotFound."""
    query = select(_i.bus_password).where(_i.id == instance_id, _i.deleted_at.is_(None))
    sealed = connection.execute(query).scalar_one_or_none()
    if sealed is None:
        raise _missing(instance_id)
    return vault.open(_i.bus_password, instance_id, sealed)


def placement_keys(connection: Connection, vault: Vault, instance_id: str) -> GuestKeys:
    """As the agent is given them when it is placed. Raises NotFound."""
    query = select(_i.key_epoch, _i.key_to_guest, _i.key_from_guest).where(_i.id == instance_id,
                                                                          _i.deleted_at.is_(None))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _missing(instance_id)
    return GuestKeys(epoch=row.key_epoch, to_guest=vault.open(_i.key_to_guest, instance_id, row.key_to_guest),
                     from_guest=vault.open(_i.key_from_guest, instance_id, row.key_from_guest))


def order(connection: Connection, vault: Vault, instance_id: str) -> Prepare | None:
    """What the creation asks of the guest; None once it serves, or is to be deleted."""
    sealed = connection.execute(select(_i.order).where(_i.id == instance_id)).scalar_one_or_none()
    return None if sealed is None else codec.decode(vault.open(_i.order, instance_id, sealed).reveal(), Prepare)


def has_order(connection: Connection, instance_id: str) -> bool:
    return connection.execute(select(_i.id).where(_i.id == instance_id, _i.order.is_not(None))).first() is not None


def wipe_order(connection: Connection, instance_id: str) -> None:
    connection.execute(update(schema.instances).where(_i.id == instance_id).values(order=None))


def _missing(instance_id: str) -> NotFound:
    return NotFound(f"Instance {instance_id} could not be found.")
