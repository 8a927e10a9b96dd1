"""Registered hosts as REST shows them."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from trove.domain import placement

from ..hosts import Manned
from ..schemas import hosts
from . import blocks

_Megabytes = Annotated[int, Meta(examples=[16384])]
_Gigabytes = Annotated[int, Meta(examples=[200])]
Key = Annotated[str, Meta(examples=[hosts.KEY])]
Fingerprint = Annotated[str, Meta(examples=["SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"])]


class Seen(Struct, frozen=True):
    """``memory_mb`` and ``disk_gb``: all that instances may have together, and what nobody has of it."""

    memory_mb: _Megabytes
    memory_free_mb: _Megabytes
    disk_gb: _Gigabytes
    disk_free_gb: _Gigabytes
    vcpus: Annotated[int, Meta(examples=[4])]
    engines: Annotated[Mapping[str, tuple[str, ...]], Meta(examples=[{"mariadb": ["10.11"]}])]
    python: Annotated[str, Meta(examples=["3.11"])]
    arch: Annotated[str, Meta(examples=["x86_64"])]
    systemd: bool
    clock_skew: Annotated[float, Meta(examples=[0.1], description="Its clock less the control plane's, in seconds.")]


class Host(Struct, frozen=True, kw_only=True):
    """``address``, ``port`` and ``user`` are for SSH. ``seen`` is of the last look that succeeded, ``problem`` why the
    last one did not."""

    name: Annotated[str, Meta(examples=["db1"])]
    address: Annotated[str, Meta(examples=["db1.example.com"])]
    port: Annotated[int, Meta(examples=[22])]
    user: Annotated[str, Meta(examples=["trove"])]
    host_key: Key
    listen_address: Annotated[str, Meta(examples=["192.0.2.11"])]
    state: Literal["active", "draining", "lost"]
    problem: Annotated[str | None, Meta(examples=["The host db1 cannot be reached."])]
    created: blocks.Timestamp
    checked: blocks.Timestamp | None
    seen: Seen | None
    instances: tuple[blocks.Id, ...]


class Hosts(Struct, frozen=True):
    hosts: tuple[Host, ...]


class OneHost(Struct, frozen=True):
    host: Host


class OfferedKey(Struct, frozen=True):
    """What the machine shows. Compare it with ``ssh-keygen -lf`` on the machine itself before you believe it."""

    host_key: Key
    fingerprint: Fingerprint


def host(manned: Manned) -> Host:
    row = manned.host
    return Host(
        name=row.name, address=row.address, port=row.port, user=row.user, host_key=row.host_key,
        listen_address=row.listen_address, state=row.state.value, problem=row.problem or None,
        created=blocks.timestamp(row.created), checked=blocks.timestamp_or_none(row.checked_at), seen=_seen(manned),
        instances=tuple(sorted(load.instance_id for load in manned.loads)))


def _seen(manned: Manned) -> Seen | None:
    facts = manned.host.facts
    if facts is None:
        return None
    return Seen(
        memory_mb=max(0, facts.memory_mb - placement.RESERVE_MB),
        memory_free_mb=placement.free_memory_mb(manned.host, manned.loads), disk_gb=facts.disk_gb,
        disk_free_gb=placement.free_disk_gb(manned.host, manned.loads), vcpus=facts.vcpus, engines=facts.engines,
        python=facts.python, arch=facts.arch, systemd=facts.systemd, clock_skew=round(facts.clock_skew, 3))
