"""Addresses of an installation: a /24 of 127.64.0.0/10, which needs no privilege and meets nobody's network."""

import hashlib
import ipaddress
import socket
import struct
from collections.abc import Iterator

from common.errors import HostFailed, NoSpace

RANGE = ipaddress.IPv4Network("127.64.0.0/10")
# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, net/tcp_states.h: a question for listening sockets alone. The
# table below /proc/net has all others, too, and the kernel walks through all of its buckets for each reader.
_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, _TCP_LISTEN = 4, 20, 0x301, 10
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_HEADER, _QUESTION = struct.Struct("=IHHII"), struct.Struct("=BBBxI48x")
_PORT, _ADDRESS = struct.Struct("!4xH"), 8
"""Where an answer (inet_diag_msg) has the socket's port and address."""
_BUFFER = 1 << 16

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
    """Address and port of every listening TCP socket; ``0.0.0.0`` stands for all addresses, of IPv6 too.

    Raises HostFailed.
    """
    return frozenset((*_sockets(socket.AF_INET), *_sockets(socket.AF_INET6)))


def _sockets(family: int) -> Iterator[Listener]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
        question = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 1 << _TCP_LISTEN)
        kernel.send(_HEADER.pack(_HEADER.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 0, 0) + question)
        while (messages := memoryview(kernel.recv(_BUFFER))):
            while messages:
                size, kind, *_ = _HEADER.unpack_from(messages)
                if kind == _NLMSG_ERROR and family == socket.AF_INET:
                    raise HostFailed("The kernel does not tell which sockets listen.",
                                     "Let it load its module tcp_diag, by which ss looks at them, too.")
                if kind in (_NLMSG_DONE, _NLMSG_ERROR):  # the latter from a kernel without IPv6
                    return
                yield from _listener(family, messages[_HEADER.size:size])
                messages = messages[size + 3 & ~3:]


def _listener(family: int, answer: memoryview) -> Iterator[Listener]:
    [port], length = _PORT.unpack_from(answer), 4 if family == socket.AF_INET else 16
    address = bytes(answer[_ADDRESS:_ADDRESS + length])
    if not any(address):
        yield "0.0.0.0", port  # noqa: S104
    elif family == socket.AF_INET:
        yield socket.inet_ntop(family, address), port
