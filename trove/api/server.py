"""The WSGI server in this process: cheroot, in threads."""

import ipaddress
import threading
from dataclasses import dataclass
from pathlib import Path

from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter

from common.errors import Refused

from . import bodies, paths

_STOP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files."""

    certificate: Path
    key: Path


class Server:
    """Serves ``application`` at ``host`` and ``port`` (0: a free one, told by ``port`` after ``start``)."""

    def __init__(self, application: paths.Wsgi, host: str, port: int, *, auth_strategy: str = "noauth",
                 tls: Tls | None = None, threads: int = 10) -> None:
        check_host(host, auth_strategy)
        self._server = wsgi.Server((host, port), application, numthreads=threads, server_name=host,
                                   shutdown_timeout=_STOP_SECONDS)
        # One byte more than a body may have, so that the application says what is wrong and not the server.
        self._server.max_request_body_size = bodies.MAX_BYTES + 1
        if tls is not None:
            self._server.ssl_adapter = BuiltinSSLAdapter(str(tls.certificate), str(tls.key))
        self._thread = threading.Thread(target=self._server.serve, name="api", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.bind_addr[1])

    def start(self) -> None:
        """Listens when it returns. Raises OSError when the address is taken."""
        self._server.prepare()
        self._thread.start()

    def stop(self) -> None:
        """Ends after the requests under way, or after a few seconds."""
        self._server.stop()
        self._thread.join(_STOP_SECONDS)


def check_host(host: str, auth_strategy: str) -> None:
    """Raises Refused where everybody would be an administrator for the whole network."""
    if auth_strategy == "noauth" and not _is_loopback(host):
        raise Refused(
            f"With auth_strategy = noauth whoever reaches the API is an administrator: it does not listen on {host}.",
            "Set bind_host to 127.0.0.1; other machines reach it by a tunnel, such as ssh -L.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
