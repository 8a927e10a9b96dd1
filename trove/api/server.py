"""The WSGI server in this process: cheroot, in threads."""

import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cheroot import wsgi
from cheroot.errors import FatalSSLAlert, NoSSLError
from cheroot.ssl.builtin import BuiltinSSLAdapter

from common.errors import Invalid, Refused

from . import bodies, neighbours, paths

_STOP_SECONDS = 5
_HANDSHAKE = b"\x16"
"""What a TLS client begins with: the type of its first record (RFC 8446, section 5.1)."""
_REMEDY = "Put them right, or set tls_certificate = own."


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files."""

    certificate: Path
    key: Path


class _Adapter(BuiltinSSLAdapter):
    """Tells plain HTTP by its first byte: the handshake would close the connection before that can be answered."""

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, Any]]:
        try:
            if sock.recv(1, socket.MSG_PEEK) not in (b"", _HANDSHAKE):
                sock.recv(bodies.MAX_BYTES)  # what is left unread would make the end of the connection a reset
                raise NoSSLError
        except OSError as error:
            raise FatalSSLAlert(*error.args) from None
        wrapped: tuple[ssl.SSLSocket, dict[str, Any]] = super().wrap(sock)  # type: ignore[no-untyped-call]
        return wrapped


class Server:
    """Serves ``application`` at ``host`` and ``port`` (0: a free one, told by ``port`` after ``start``)."""

    def __init__(self, application: paths.Wsgi, host: str, port: int, *, auth_strategy: str = "noauth",
                 tls: Tls | None = None, threads: int = 10) -> None:
        check_host(host, auth_strategy)
        self._asks_nobody = auth_strategy == "noauth"
        self._server = wsgi.Server((host, port), application, numthreads=threads, server_name=host,
                                   shutdown_timeout=_STOP_SECONDS)
        # One byte more than a body may have, so that the application says what is wrong and not the server.
        self._server.max_request_body_size = bodies.MAX_BYTES + 1
        if tls is not None:
            self._server.ssl_adapter = _Adapter(str(tls.certificate), str(tls.key))
        self._thread = threading.Thread(target=self._server.serve, name="api", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, as the kernel has it."""
        host, port = self._server.socket.getsockname()[:2]
        return str(host), int(port)

    @property
    def port(self) -> int:
        return self.address[1]

    def start(self) -> None:
        """Listens when it returns. Raises OSError when the address is taken, HostFailed when it cannot be guarded."""
        self._server.prepare()
        if self._asks_nobody:
            self._guard()
        self._thread.start()

    def _guard(self) -> None:
        """Raises HostFailed, and listens no more then."""
        keeper = neighbours.Doorkeeper(self._server.wsgi_app, self.address)
        try:
            keeper.check()
        except BaseException:
            self._server.stop()
            raise
        self._server.wsgi_app = keeper

    def stop(self) -> None:
        """Ends after the requests under way, or after a few seconds."""
        self._server.stop()
        self._thread.join(_STOP_SECONDS)


def check_tls(tls: Tls) -> None:
    """Raises Invalid for files that cannot be read, hold no certificate and key, or two that do not fit."""
    for file in (tls.certificate, tls.key):
        try:
            file.read_bytes()
        except OSError as error:
            raise Invalid(f"The API's certificate or key {file} cannot be read: {error.strerror}.", _REMEDY) from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key, password=lambda: b"")
    except ssl.SSLError as error:
        why = ("do not belong together" if error.reason == "KEY_VALUES_MISMATCH"
               else "are no certificate and key in PEM, the key without a passphrase")
        raise Invalid(f"{tls.certificate} and {tls.key} {why}.", _REMEDY) from None


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
