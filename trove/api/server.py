"""The WSGI server in this process: cheroot, in threads."""

import ipaddress
import select
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cheroot import wsgi
from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest
from cheroot.ssl.builtin import BuiltinSSLAdapter

from common.errors import Invalid, Refused

from . import bodies, neighbours, paths

_STOP_SECONDS = 5
_BACKLOG = 128
"""Connections that wait to be accepted: the kernel lets who comes beyond them try again a second later."""
_HANDSHAKE = b"\x16"
"""What a TLS client begins with: the type of its first record (RFC 8446, section 5.1)."""
_NO_TLS = (b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
           b"The client sent a plain HTTP request, but this port speaks nothing but HTTPS.")
_MAX_HEADERS = 64 * 1024
_REMEDY = "Put them right, or set tls_certificate = own."


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files."""

    certificate: Path
    key: Path


class _Adapter(BuiltinSSLAdapter):
    """Leaves the handshake to the thread that works on the connection: here it would hold up whoever connects next."""

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, Any]]:
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), {}


class _Headers(HeaderReader):
    """Without X_Forwarded_For, which WSGI cannot tell from the X-Forwarded-For that a proxy in front of us wrote."""

    def _allow_header(self, key_name: bytes) -> bool:
        return b"_" not in key_name


class _Request(HTTPRequest):
    header_reader = _Headers()


class _Connection(HTTPConnection):
    """A new one has no thread until its first byte is there: who says nothing takes none from others."""

    RequestHandlerClass = _Request
    _begun = False

    def communicate(self) -> bool:
        """Whether it stays open."""
        if not self._begun:
            if self.last_used is None and not select.select([self.socket], [], [], 0)[0]:
                return True  # it is waited for, as between two requests
            self._begun = True
            if isinstance(self.socket, ssl.SSLSocket) and not _shaken(self.socket):
                return False
        return bool(super().communicate())  # type: ignore[no-untyped-call]


def _shaken(sock: ssl.SSLSocket) -> bool:
    """Whether the other end speaks TLS with us. Plain HTTP, which is told by its first byte, is answered in kind."""
    try:
        if socket.socket.recv(sock, 1, socket.MSG_PEEK) in (b"", _HANDSHAKE):
            sock.do_handshake()
            return True
        socket.socket.recv(sock, bodies.MAX_BYTES)  # what is left unread would make the end of the connection a reset
        socket.socket.sendall(sock, _NO_TLS)
    except OSError:
        return False
    return False


class Server:
    """Serves ``application`` at ``host`` and ``port`` (0: a free one, told by ``port`` after ``start``)."""

    def __init__(self, application: paths.Wsgi, host: str, port: int, *, auth_strategy: str = "noauth",
                 tls: Tls | None = None, threads: int = 10) -> None:
        check_host(host, auth_strategy, tls=tls is not None)
        self._asks_nobody = auth_strategy == "noauth"
        self._server = wsgi.Server((host, port), application, numthreads=threads, server_name=host,
                                   shutdown_timeout=_STOP_SECONDS, request_queue_size=_BACKLOG)
        self._server.ConnectionClass = _Connection
        self._server.max_request_header_size = _MAX_HEADERS
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

    def show(self, tls: Tls) -> None:
        """Connections that are made from now on are shown this certificate. Raises Invalid for files that do not do;
        then they are shown the former one."""
        check_tls(tls)
        self._server.ssl_adapter = _Adapter(str(tls.certificate), str(tls.key))

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


def check_host(host: str, auth_strategy: str, *, tls: bool) -> None:
    """Raises Refused where everybody would be an administrator for the whole network, or could read others' tokens."""
    if _is_loopback(host):
        return
    if auth_strategy == "noauth":
        raise Refused(
            f"With auth_strategy = noauth whoever reaches the API is an administrator: it does not listen on {host}.",
            "Set auth_strategy = token or keystone; or set bind_host to 127.0.0.1, which other machines reach by a "
            "tunnel, such as ssh -L.",
        )
    if not tls:
        raise Refused(f"Without TLS whoever listens on the network reads tokens: the API does not listen on {host}.",
                      "Set tls_certificate = own, or a certificate's file; or set bind_host to 127.0.0.1, behind a "
                      "proxy on this machine.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
