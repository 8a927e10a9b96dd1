"""The agent's configuration files, written from a placement."""

from collections.abc import Mapping

from common.contract.placement import Placement
from common.errors import Invalid
from common.secret import Secret

from ..host import files
from ..host.layout import Layout
from .users import Account

SECRETS = "20-secrets.conf"
"""Which the agent reads again by itself."""

Sections = Mapping[str, Mapping[str, str | int | bool | Secret]]


def write(placement: Placement, layout: Layout, agent: Account, *, durable: bool) -> None:
    """Writes what differs from what is there. Secrets are in a file of their own."""
    authority = layout.config / "ca.pem"
    texts = {
        authority.name: placement.bus.ca_pem,
        "10-instance.conf": _text(_instance(placement, str(authority))),
        SECRETS: _text(_secrets(placement)),
    }
    for name, text in texts.items():
        files.write_if_changed(layout.config / name, text, mode=0o600, owner=agent.owner, durable=durable)


def _instance(placement: Placement, authority: str) -> Sections:
    bus = placement.bus
    return {
        "DEFAULT": {
            "instance_id": placement.instance_id, "datastore": placement.datastore,
            "datastore_version": placement.datastore_version, "home": placement.home, "address": placement.address,
            "port": placement.port, "memory_mb": placement.memory_mb, "binaries": placement.binaries,
            "use_json": placement.log_json, "debug": placement.log_debug,
        },
        "bus": {
            "host": bus.host, "port": bus.port, "virtual_host": bus.virtual_host, "ca_file": authority,
            "server_name": bus.server_name,
        },
    }


def _secrets(placement: Placement) -> Sections:
    """In one file, which is replaced at once: login and keys change together."""
    keys = placement.keys
    return {
        "bus": {"username": placement.bus.username, "password": placement.bus.password},
        "keys": {"epoch": keys.epoch, "to_guest": keys.to_guest, "from_guest": keys.from_guest},
    }


def _text(sections: Sections) -> str:
    lines = ["# Written by trove-guestagent place, which overwrites it."]
    for section, values in sections.items():
        lines += ["", f"[{section}]", *(f"{name} = {_value(name, value)}" for name, value in values.items())]
    return "\n".join(lines) + "\n"


def _value(name: str, value: str | int | bool | Secret) -> str:
    """As both readers of the format read it back: in quotes, each $ doubled. Raises Invalid for a line break."""
    if isinstance(value, bool):
        return str(value).lower()
    text = value.reveal() if isinstance(value, Secret) else str(value)
    if any(letter in text for letter in "\r\n\0"):
        raise Invalid(f"The value of {name} has a line break in it.")
    return f'"{text.replace("$", "$$")}"' if not isinstance(value, int) else text
