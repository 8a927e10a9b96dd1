"""What REST shows, field by field as OpenStack Trove documents it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from common.contract import types as t
from trove.db import views as rows

from .context import Caller
from .links import Base

GIB = 1 << 30

Json = dict[str, Any]
InstanceView = Callable[[rows.Instance, Base, Caller, str, float], Json]


def timestamp(seconds: float | None) -> str | None:
    """``YYYY-MM-DDTHH:MM:SS`` in UTC."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")


def instance(row: rows.Instance, base: Base, caller: Caller, region: str, now: float) -> Json:
    """The list view."""
    view: Json = {
        "id": row.id,
        "name": row.name,
        "status": row.status,
        "operating_status": row.operating_status(now),
        "region": region,
        "links": base.to("instances", row.id),
        "flavor": {"id": row.flavor.id, "links": base.to("flavors", row.flavor.id)},
        "datastore": {"type": row.version.datastore, "version": row.version.name},
        "access": row.access,
    }
    if row.volume_gb is not None:
        view["volume"] = {"size": row.volume_gb}
    if row.address is not None:
        view["ip"] = [row.address]
        view["addresses"] = [{"address": row.address, "type": "private"}]
    if caller.is_admin:
        view["tenant_id"] = row.project_id
    return view


def instance_detail(row: rows.Instance, base: Base, caller: Caller, region: str, now: float) -> Json:
    """The detail view, without disk use."""
    view = instance(row, base, caller, region, now)
    view["created"] = timestamp(row.created)
    view["updated"] = timestamp(row.updated)
    view["service_status_updated"] = timestamp(row.observed.at)
    view["datastore"]["version_number"] = row.version.number
    if row.fault is not None:
        details = row.fault.details if caller.is_admin else None
        view["fault"] = {"message": row.fault.message, "created": timestamp(row.fault.at), "details": details}
    if caller.is_admin:
        # There is no compute server and no block device behind an instance here, and no plain messaging.
        view |= {"server_id": None, "volume_id": None, "encrypted_rpc_messaging": True}
    return view


def disk_use(view: Json, stats: t.FilesystemStats) -> None:
    """Adds what the guest measured to a detail view; GB with three decimals."""
    used = round(stats.used / GIB, 3)
    if "volume" not in view:
        view["local_storage"] = {"used": used}
        return
    view["volume"]["used"] = used
    view["volume"]["used_percent"] = round(100 * stats.used / stats.total, 2) if stats.total else 0.0


def database(row: t.Database) -> Json:
    return {"name": row.name}


def user(row: t.User) -> Json:
    return {"name": row.name, "host": row.host, "databases": access(row)}


def access(row: t.User) -> list[Json]:
    return [{"name": name} for name in row.databases]


def operation(row: rows.Operation, base: Base, caller: Caller) -> Json:
    """``progress`` in percent; ``since``, ``deadline`` and ``next_try`` are of the step."""
    view: Json = {
        "id": row.id,
        "instance_id": row.instance_id,
        "kind": row.kind,
        "state": row.state,
        "created": timestamp(row.created),
        "updated": timestamp(row.updated),
        "step": row.step or None,
        "since": timestamp(row.step_since),
        "sentence": row.sentence,
        "deadline": timestamp(row.deadline),
        "progress": row.percent,
        "last_error": _last_error(row),
        "next_try": timestamp(row.next_try),
        "links": base.to("operations", row.id),
    }
    if caller.is_admin:
        view["tenant_id"] = row.project_id
    return view


def _last_error(row: rows.Operation) -> Json | None:
    if row.error_code is None:
        return None
    return {"code": row.error_code, "message": row.error_message, "hint": row.error_hint}


def datastore(row: rows.Datastore, base: Base, caller: Caller) -> Json:
    versions = [version(each, base, caller) for each in shown(row.versions, caller)]
    view: Json = {"id": row.id, "name": row.name, "links": base.to("datastores", row.id), "versions": versions}
    if any(each["id"] == row.default_version_id for each in versions):
        # A default that is not among the versions shown would make the openstack client fail.
        view["default_version"] = row.default_version_id
    for each in versions:
        del each["datastore"]
    return view


def shown(versions: tuple[rows.Version, ...], caller: Caller) -> list[rows.Version]:
    """Versions that are switched off are for administrators."""
    return [row for row in versions if row.active or caller.is_admin]


def version(row: rows.Version, base: Base, caller: Caller) -> Json:
    view: Json = {
        "id": row.id,
        "name": row.name,
        "version": row.number,
        "links": base.to(f"datastores/{row.datastore_id}/versions", row.id),
        "datastore": row.datastore_id,
    }
    if caller.is_admin:
        view |= {"active": row.active, "packages": "", "image": None, "image_tags": [], "registry_ext": "",
                 "repl_strategy": ""}
    return view


def flavor(row: rows.Flavor, base: Base) -> Json:
    """``id`` is a number or null; ``str_id`` is what it really is."""
    return {
        "id": int(row.id) if _is_number(row.id) else None,
        "str_id": row.id,
        "name": row.name,
        "ram": row.ram,
        "vcpus": row.vcpus,
        "disk": row.disk,
        "ephemeral": 0,
        "links": base.to("flavors", row.id),
    }


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and str(int(text)) == text
