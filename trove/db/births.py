"""The row of a new instance: with its order sealed, its secrets drawn, and its project's quota charged."""

import json
import secrets
import time

from sqlalchemy import Connection

from common.contract import codec
from common.contract.types import Prepare
from common.crypto import Key
from common.secret import Secret
from trove.domain import limits
from trove.domain.creation import NewInstance, Rules
from trove.domain.states import Task

from . import quota, schema
from .encrypted import Vault
from .views import Configuration, Flavor, Version

_i = schema.instances.c


def insert(connection: Connection, vault: Vault, instance_id: str, project: str, wanted: NewInstance, version: Version,
           flavor: Flavor, rules: Rules, group: Configuration | None = None) -> None:
    """Raises OverQuota."""
    settings = dict(group.values) if group is not None else {}
    charge = limits.charge(flavor.ram, wanted.volume_gb)
    quota.reserve(connection, project, instance_id, charge, rules.limits())
    now = time.time()
    order = Secret(codec.encode(_order(wanted, flavor, settings)).decode())
    connection.execute(schema.instances.insert().values(
        id=instance_id, project_id=project, name=wanted.name, created=now, updated=now, task=Task.BUILDING.value,
        datastore_version_id=version.id, flavor_id=flavor.id, volume_gb=wanted.volume_gb,
        access=json.dumps(dict(wanted.access)),
        configuration_id=group.id if group is not None else None, configured=json.dumps(settings),
        order=vault.seal(_i.order, instance_id, order),
        key_to_guest=vault.seal(_i.key_to_guest, instance_id, Key.generate().text()),
        key_from_guest=vault.seal(_i.key_from_guest, instance_id, Key.generate().text()),
        bus_password=vault.seal(_i.bus_password, instance_id, Secret(secrets.token_urlsafe(32))),
    ))


def _order(wanted: NewInstance, flavor: Flavor, settings: dict[str, str]) -> Prepare:
    return Prepare(memory_mb=flavor.ram, databases=wanted.databases, users=wanted.users,
                   root_password=wanted.root_password, overrides=settings)

