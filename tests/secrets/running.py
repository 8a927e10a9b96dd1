"""What runs for an installation, and which secrets each of its processes may have in its memory, with the reason."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.secrets.needles import Needle
from tests.secrets.scene import GONE, PASSWORD, TOKEN, Scene

CONTROL, BROKER, AGENT, SERVER, OTHER = "control plane", "broker", "agent", "database server", "other"

_FREED = "On its way; nobody keeps it, and what the allocator gave back is overwritten when it is next used."
ACCEPTED: dict[str, dict[str, str]] = {
    CONTROL: {
        "key file": "Opens what the store holds.",
        "API's TLS key": "Serves with it.",
        "broker's administrator": "Logs in with it again when a connection is lost.",
        "store's password": "Logs in with it again when a connection is lost.",
        "Keystone's service password": "Asks Keystone with it.",
        "operator's token": "Compares it with that of each request.",
        TOKEN: "Comes with each request; the store has a hash.",
        "guest's keys": "Speaks with its guests.",
        "guest's broker password": _FREED,
        PASSWORD: _FREED,
        GONE: _FREED,
    },
    BROKER: {
        "broker's TLS key": "Serves with it.",
        "broker's cookie": "Erlang's tools speak to it by that.",
        "broker's administrator": "Checks logins, and keeps who is logged in.",
        "guest's broker password": "Checks logins.",
        GONE: _FREED,
    },
    AGENT: {
        "guest's keys": "Speaks with the control plane.",
        "guest's broker password": "Logs in with it again when a connection is lost.",
        "journal's key": "Seals its journal.",
        "agent's database password": "Logs in to its server with it.",
    },
    SERVER: {"agent's database password": "Redis is told a password in clear, over its own socket."},
    OTHER: {},
}
"""Of agents and database servers, secrets of their own instance alone."""


def processes(scene: Scene) -> dict[int, tuple[str, str]]:
    """Kind of every process of the installation, and the engine of the instance that it runs for, empty for none."""
    known = {scene.installed.pid: (CONTROL, "")}
    for engine, instance in scene.instances.items():
        known[scene.installed.service_pid(instance, "agent")] = (AGENT, engine)
        known[scene.installed.service_pid(instance, "database")] = (SERVER, engine)
    children = _children()
    for pid, (kind, engine) in list(known.items()):
        if kind == SERVER:
            known |= dict.fromkeys(_below(pid, children), (SERVER, engine))
    for pid in _naming(str(scene.state)):
        known.setdefault(pid, (_kind(scene, pid), ""))
    return known


def _kind(scene: Scene, pid: int) -> str:
    """Of a process that is no instance's."""
    if str(scene.state / "rabbit") in _text(pid, "environ"):
        return BROKER
    return CONTROL if "\0task-manager\0" in _text(pid, "cmdline") else OTHER


def is_accepted(needle: Needle, kind: str, engine: str) -> bool:
    return needle.kind in ACCEPTED[kind] and (kind not in (AGENT, SERVER) or needle.of == engine)


def _naming(word: str) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            pid = int(entry.name)
            if word in _text(pid, "cmdline") or word in _text(pid, "environ"):
                yield pid


def _text(pid: int, name: str) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    return ""


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (stat := _text(int(entry.name), "stat")):
            found.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    return found


def _below(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    for child in children.get(pid, ()):
        yield child
        yield from _below(child, children)
