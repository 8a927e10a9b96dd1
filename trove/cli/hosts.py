"""``trovectl host``: machines that carry instances: register, look at, drain and forget them."""

from typing import Annotated

import typer

from common.errors import Refused

from . import output
from .rest import Json, part
from .session import Session, command, completed

HostName = Annotated[str, typer.Argument(
    metavar="HOST", help="Name of a registered host.", autocompletion=completed("/mgmt/hosts", "hosts"))]

COMPARE = "Compare it on that machine: ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub"
NO_ENGINE = "It has no database engine, so no instance goes there. Run there: apt-get install mariadb-server-core"


def register(group: typer.Typer) -> None:
    for name, function in (("add", add), ("list", list_all), ("show", show), ("check", check), ("drain", drain),
                           ("activate", activate), ("remove", remove)):
        command(group, name)(function)


def add(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the host is to be called.")],
    address: Annotated[str, typer.Option(help="IP address or name where its sshd listens.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of its sshd.")] = 22,
    user: Annotated[str, typer.Option(help="Login there: root, or one that may use sudo without a password.")] = "root",
    listen_address: Annotated[str | None, typer.Option(
        metavar="IP", help="Where its database servers listen.", show_default="what --address stands for")] = None,
    host_key: Annotated[str | None, typer.Option(
        metavar="KEY", help="Its public host key, as in /etc/ssh/ssh_host_ed25519_key.pub there.",
        show_default="what it shows, after a question")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Believe the key that it shows without a question.")] = False,
) -> None:
    """Registers a host by its host key, and looks at it.

    The exit code is 1, too, when it is registered and something is missing there; see what check says.
    """
    wanted = {"name": name, "address": address, "port": port, "user": user,
              "host_key": host_key or _believed(session, address, port, yes)}
    if listen_address is not None:
        wanted["listen_address"] = listen_address
    shown = session.client.post("/mgmt/hosts", {"host": wanted})["host"]
    session.output.say(f"The host {name} is registered.")
    _tell(session, shown)


def list_all(session: Session) -> None:
    """Lists the hosts, what instances use of them and what is free."""
    rows = session.client.get("/mgmt/hosts")["hosts"]
    session.output.document({"hosts": rows})
    session.output.rows(
        ("NAME", "ADDRESS", "STATE", "INSTANCES", "MEMORY USED", "FREE", "DISK USED", "FREE", "PROBLEM"),
        [(row["name"], row["listen_address"], row["state"], len(row["instances"]), *_room(row, "memory", "mb"),
          *_room(row, "disk", "gb"), row["problem"]) for row in rows])


def show(session: Session, host: HostName) -> None:
    """Shows one host, and which instances stand there."""
    row = session.client.get(_path(host))["host"]
    session.output.document({"host": row})
    session.output.rows(("FIELD", "VALUE"), _fields(row))


def check(session: Session, host: HostName) -> None:
    """Looks at a host now, and says what is missing there.

    The exit code is 1 when it is not well.
    """
    _tell(session, _act(session, host, "check"))


def drain(session: Session, host: HostName) -> None:
    """Gives a host no new instance. What stands there stays, and is named."""
    row = _act(session, host, "drain")
    session.output.document({"host": row})
    there = row["instances"]
    session.output.say(f"The host {host} takes no new instance. "
                       f"{'What stands there stays:' if there else 'Nothing stands there.'}")
    for instance_id in there:
        session.output.say(f"  {instance_id}")


def activate(session: Session, host: HostName) -> None:
    """Takes a drained host into use again."""
    session.output.document({"host": _act(session, host, "activate")})
    session.output.say(f"The host {host} takes new instances again.")


def remove(
    session: Session,
    host: HostName,
    lost: Annotated[bool, typer.Option(
        "--lost", help="The machine is gone for good, and what stood there with it.")] = False,
) -> None:
    """Forgets a host where no instance stands. Nothing on the machine is touched.

    With --lost also one with instances: what waits for the machine ends, they can be deleted without it, and with the
    last of them it is forgotten.
    """
    there = _act(session, host, "lose")["instances"] if lost else []
    if there:
        session.output.document({"host": {"name": host}, "removed": False, "instances": there})
        session.output.say(f"The host {host} is lost. It is forgotten with the last of its instances; delete them:")
        for instance_id in there:
            session.output.say(f"  {instance_id}")
        return
    session.client.delete(_path(host))
    session.output.document({"host": {"name": host}, "removed": True})
    session.output.say(f"The host {host} is forgotten.")


def _believed(session: Session, address: str, port: int, yes: bool) -> str:
    """The host key that the machine shows, if somebody believes it. Raises Refused when nobody is there to do so."""
    offered = session.client.get("/mgmt/host-keys", address=address, port=str(port))
    key, fingerprint = str(offered["host_key"]), offered["fingerprint"]
    shown = f"The machine at {address}, port {port}, shows the host key {fingerprint}."
    if not yes and not output.is_asked_by_a_person():
        raise Refused(f"{shown} Nobody is here to compare it.",
                      "Name the key that you know with --host-key, or believe this one with --yes.")
    output.complaints.print(shown)
    if not yes:
        output.complaints.print(COMPARE.format(kind=_kind(key)))
        typer.confirm("Is it the same?", abort=True, err=True)
    return key


def _kind(key: str) -> str:
    """As the names of files in /etc/ssh have it."""
    return next((kind for kind in ("ed25519", "ecdsa") if kind in key.partition(" ")[0]), "rsa")


def _act(session: Session, host: str, action: str) -> Json:
    row: Json = session.client.post(f"{_path(host)}/action", {action: {}})["host"]
    return row


def _tell(session: Session, row: Json) -> None:
    """How well it is. Raises Exit when it is not."""
    session.output.document({"host": row})
    if row["problem"]:
        session.output.say(f"It is not well, and takes no instance until a look finds it well: {row['problem']}")
        raise typer.Exit(output.FAILED)
    if row["seen"] is None:
        session.output.say(f"The look at it goes on. See what it found: trovectl host show {row['name']}.")
        return
    session.output.say(f"The host {row['name']} is well. For instances it has {row['seen']['memory_free_mb']} MB of "
                       f"memory and {row['seen']['disk_free_gb']} GB of disk.")
    if not row["seen"]["engines"]:
        session.output.say(NO_ENGINE)


def _room(row: Json, what: str, unit: str) -> tuple[str, str]:
    """Used and free; empty for a host that was never seen."""
    if (seen := row["seen"]) is None:
        return "", ""
    free = seen[f"{what}_free_{unit}"]
    return f"{seen[f'{what}_{unit}'] - free} {unit.upper()}", f"{free} {unit.upper()}"


def _fields(row: Json) -> list[tuple[str, object]]:
    (memory_used, memory_free), (disk_used, disk_free) = _room(row, "memory", "mb"), _room(row, "disk", "gb")
    seen = row["seen"] or {}
    fields = [
        ("name", row["name"]), ("state", row["state"]), ("problem", row["problem"]), ("checked", row["checked"]),
        ("ssh", f"{row['user']}@{row['address']}, port {row['port']}"), ("host key", row["host_key"]),
        ("databases listen at", row["listen_address"]), ("memory used", memory_used), ("memory free", memory_free),
        ("disk used", disk_used), ("disk free", disk_free), ("processors", seen.get("vcpus")),
        ("engines", [" ".join((name, *versions)) for name, versions in seen.get("engines", {}).items()]),
        ("Python", seen.get("python")), ("machine", seen.get("arch")), ("systemd", seen.get("systemd")),
        ("clock ahead", f"{seen['clock_skew']} s" if seen else None), ("created", row["created"]),
        ("instances", row["instances"]),
    ]
    return [(field, value) for field, value in fields if value not in (None, "", [])]


def _path(host: str) -> str:
    return f"/mgmt/hosts/{part(host)}"
