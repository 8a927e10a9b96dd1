"""TCP ports of an installation's own servers: chosen free once, then kept, for guests remember them."""

import errno
import random
import socket

# Below Linux's range for outgoing connections (net.ipv4.ip_local_port_range, from 32768): a port from within it could
# be taken by anybody's connection while our server is down.
LOWEST, HIGHEST = 20000, 31999


def choose(count: int, address: str = "127.0.0.1") -> tuple[int, ...]:
    """``count`` different ports on ``address`` that nobody listens on now."""
    chosen: set[int] = set()
    while len(chosen) < count:
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311 - spreads installations apart, hides nothing
        if is_free(port, address):
            chosen.add(port)
    return tuple(chosen)


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now; connections that wait out their end don't hinder it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as refusal:
            if refusal.errno != errno.EADDRINUSE:
                raise
            return False
    return True
