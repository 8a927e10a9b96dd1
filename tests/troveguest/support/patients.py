"""The files of an instance as a placing and an agent leave them, without a process."""

import base64
from pathlib import Path

from msgspec import Raw

from common.contract import codec
from common.contract import types as t
from common.contract.declare import methods
from common.contract.guest import Guest
from common.openstack.rpc import sealing
from common.secret import Secret
from troveguest.host.layout import LOGGED, Layout
from troveguest.host.record import Record
from troveguest.journal import Accepted, Journal

ID = "8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"
KEYS = {name: base64.b64encode(name.encode().ljust(32, b"."))[:44].decode() for name in ("to_guest", "from_guest")}

INSTANCE = """\
[DEFAULT]
instance_id = {id}
datastore = fake
datastore_version = 1.0
home = {home}
address = 127.64.255.3
port = 33060
memory_mb = 512
[bus]
host = 127.0.0.1
port = 1
username = guest-{id}
[keys]
epoch = 1
"""
SECRETS = """\
[bus]
password = "{password}"
[keys]
to_guest = {to_guest}
from_guest = {from_guest}
"""


def make(top: Path, password: str = "hunter2") -> Layout:
    layout = Layout(top / "instances" / ID)
    for path in (layout.config, layout.state, layout.run, layout.data, layout.orders, layout.jobs, layout.links,
                 *(layout.log / name for name in LOGGED)):
        path.mkdir(parents=True, exist_ok=True)
    for path in (layout.config, layout.state):
        path.chmod(0o700)
    write(layout, "10-instance.conf", INSTANCE.format(id=ID, home=layout.home))
    write(layout, "20-secrets.conf", SECRETS.format(password=password.replace("$", "$$"), **KEYS))
    Record(instance_id=ID, volume_gb=1).write(layout.record)
    layout.current.parent.mkdir(exist_ok=True)
    layout.current.symlink_to(top / "releases" / "one")
    return layout


def write(layout: Layout, name: str, text: str) -> Path:
    path = layout.config / name
    path.write_text(text)
    path.chmod(0o600)
    return path


def order(operation_id: str, method: str = "restart", **arguments: object) -> Accepted:
    packed = sealing.pack_arguments(methods(Guest)[method], arguments) if method in methods(Guest) else Raw(
        codec.encode(arguments))
    return Accepted(operation_id=operation_id, method=method, arguments=packed, accepted_at=1.0, deadline=61.0)


def journal(layout: Layout) -> Journal:
    """With one order that is done, one that failed and one with passwords in it that is under way; it is open."""
    made = Journal(layout.state)
    for name in ("done", "failed"):
        made.accept(order(name))
    made.end("done", None)
    made.mark_delivered("done")
    made.end("failed", t.Failure(code="engine_failed", message="It said no.", hint="Look."))
    user = t.NewUser(name="anna", password=Secret("annas own"))
    made.accept(order("open", "prepare", order=t.Prepare(memory_mb=256, users=(user,), root_password=Secret("roots"))))
    return made
