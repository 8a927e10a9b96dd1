"""Addresses of an installation: a /24 of 127.64.0.0/10, which needs no privilege and meets nobody's network."""

import hashlib
import ipaddress
from collections.abc import Iterator
from pathlib import Path

from common.errors import NoSpace

RANGE = ipaddress.IPv4Network("127.64.0.0/10")
_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp (include/net/tcp_states.h)."""

Listener = tuple[str, int]


def network(installation: str) -> ipaddress.IPv4Network:
    """The installation's own, so that two of them on one machine do not meet."""
    draw = int.from_bytes(hashlib.sha256(installation.encode()).digest()[:4])
    subnets = 2 ** (24 - RANGE.prefixlen)
    return ipaddress.IPv4Network((int(RANGE.network_address) + (draw % subnets) * 256, 24))


def allocate(installation: str, instance_id: str, taken: frozenset[str], listeners: frozenset[Listener]) -> str:
    """An address outside ``taken`` on which nobody listens; the same one for the same question. Raises NoSpace."""
    busy = taken | {address for address, _ in listeners}
    hosts = [str(host) for host in network(installation).hosts()]
    first = int.from_bytes(hashlib.sha256(instance_id.encode()).digest()[:4]) % len(hosts)
    for host in hosts[first:] + hosts[:first]:
        if host not in busy:
            return host
    raise NoSpace(f"All {len(hosts)} addresses of this installation ({network(installation)}) are in use.",
                  "Delete an instance, or start a second installation.")


def listening() -> frozenset[Listener]:
    """Address and port of every listening TCP socket; ``0.0.0.0`` stands for all addresses, of IPv6 too."""
    return frozenset((*_sockets(Path("/proc/net/tcp")), *_sockets(Path("/proc/net/tcp6"))))


def _sockets(table: Path) -> Iterator[Listener]:
    if not table.exists():  # a kernel without IPv6
        return
    for line in table.read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN:
            address, port = fields[1].split(":")
            if not int(address, 16):
                yield "0.0.0.0", int(port, 16)  # noqa: S104
            elif len(address) == 8:
                yield str(ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(address), "little"))), int(port, 16)
