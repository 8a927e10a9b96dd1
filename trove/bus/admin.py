"""RabbitMQ's management interface over HTTP: logins, rights, limits, queues, exchanges.

The standard library's client, on purpose: five verbs to one server on loopback need no more, and unlike ``requests`` or
``urllib.request`` it never looks at proxy settings in the environment, to which it would hand the broker's password.
"""

import base64
import contextlib
import http.client
import select
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from common import errors
from common.secret import Secret

Json = Any


@dataclass(frozen=True, slots=True)
class Tls:
    """``ca_file``: PEM, the only authority that is believed. ``server_name`` is the one in the certificate."""

    ca_file: str
    server_name: str


class Admin:
    """Usable from any thread: each request has a connection to itself, and one that is free is used again.

    A request waits for ``timeout`` seconds and for no other request, so a broker that stands still holds each caller
    for that long.

    Every method raises Unreachable when the broker does not answer, Refused when it does not let us, NotFound, and
    Invalid when it calls the request wrong (so too when a queue is there already, but other than asked).
    """

    def __init__(
        self, host: str, port: int, username: str, password: Secret, virtual_host: str, timeout: float = 30.0,
        tls: "Tls | None" = None
    ) -> None:
        """Without ``tls`` in clear, password and all, which is for loopback alone."""
        self.virtual_host = virtual_host
        self._address = (host, port)
        self._timeout = timeout
        self._tls = tls
        self._login = Secret(base64.b64encode(f"{username}:{password.reveal()}".encode()).decode())
        self._lock = threading.Lock()
        self._free: list[http.client.HTTPConnection] = []
        self._asking: set[http.client.HTTPConnection] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"Admin({self._where})"

    @property
    def _where(self) -> str:
        return "{}:{}".format(*self._address)

    def close(self) -> None:
        """For good, and at once: requests under way raise Unreachable."""
        with self._lock:
            self._closed = True
            for free in self._free:
                free.close()
            self._free.clear()
            asking = [connection.sock for connection in self._asking if connection.sock is not None]
        for held in asking:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                held.shutdown(socket.SHUT_RDWR)

    def get(self, path: str) -> bytes:
        """The JSON text under a path of the interface, such as ``/api/queues``, for things that have no method here."""
        return self._raw("GET", path, b"")

    # logins

    def whoami(self) -> str:
        """Our own name: the least that shows the broker is up and knows us."""
        return str(self._ask("GET", "whoami")["name"])

    def put_user(self, name: str, password: Secret, tags: str = "") -> None:
        """Makes the login or gives it this password; without tags it can't use the management interface."""
        self._ask("PUT", f"users/{_part(name)}", {"password": password.reveal(), "tags": tags})

    def delete_user(self, name: str) -> None:
        """Also cuts the connections that are open under it."""
        self._forget(f"users/{_part(name)}")

    def users(self) -> frozenset[str]:
        return frozenset(user["name"] for user in self._ask("GET", "users?columns=name"))

    def permit(self, name: str, *, configure: str, write: str, read: str) -> None:
        """Regular expressions over the names of queues and exchanges; ``^$`` matches none."""
        rights = {"configure": configure, "write": write, "read": read}
        self._ask("PUT", f"permissions/{self._here}/{_part(name)}", rights)

    def permissions(self, name: str) -> dict[str, str]:
        found = self._ask("GET", f"permissions/{self._here}/{_part(name)}")
        return {kind: found[kind] for kind in ("configure", "write", "read")}

    def limit(self, name: str, *, connections: int, channels: int) -> None:
        """How many of each the login may have open at a time."""
        for limit, value in (("max-connections", connections), ("max-channels", channels)):
            self._ask("PUT", f"user-limits/{_part(name)}/{limit}", {"value": value})

    def limits(self, name: str) -> dict[str, int]:
        found = self._ask("GET", f"user-limits/{_part(name)}")
        return dict(found[0]["value"]) if found else {}

    def connections(self, name: str) -> list[str]:
        """Names of the connections that are open under a login."""
        return [connection["name"] for connection in self._ask("GET", f"connections/username/{_part(name)}")]

    def cut(self, name: str) -> None:
        """Closes the connections of a login. A new password or other rights don't touch those that are open."""
        self._forget(f"connections/username/{_part(name)}")

    # queues, exchanges, bindings; all durable

    def put_queue(self, name: str, arguments: Mapping[str, Json] | None = None) -> None:
        self._ask("PUT", f"queues/{self._here}/{_part(name)}", {"durable": True, "arguments": dict(arguments or {})})

    def delete_queue(self, name: str) -> None:
        self._forget(f"queues/{self._here}/{_part(name)}")

    def queues(self) -> frozenset[str]:
        return frozenset(queue["name"] for queue in self._ask("GET", f"queues/{self._here}?columns=name"))

    def put_exchange(self, name: str, kind: str = "topic") -> None:
        self._ask("PUT", f"exchanges/{self._here}/{_part(name)}", {"type": kind, "durable": True})

    def delete_exchange(self, name: str) -> None:
        """With all that is bound to it."""
        self._forget(f"exchanges/{self._here}/{_part(name)}")

    def exchanges(self) -> frozenset[str]:
        """The broker's own ones (``amq.…`` and the default one, named "") are among them."""
        return frozenset(exchange["name"] for exchange in self._ask("GET", f"exchanges/{self._here}?columns=name"))

    def bind(self, exchange: str, queue: str, key: str) -> None:
        path = f"bindings/{self._here}/e/{_part(exchange)}/q/{_part(queue)}"
        self._ask("POST", path, {"routing_key": key})

    def bindings(self, exchange: str) -> frozenset[tuple[str, str]]:
        """(queue, routing key) of everything bound to the exchange."""
        found = self._ask("GET", f"exchanges/{self._here}/{_part(exchange)}/bindings/source")
        return frozenset((binding["destination"], binding["routing_key"]) for binding in found)

    @property
    def _here(self) -> str:
        return _part(self.virtual_host)

    def _forget(self, path: str) -> None:
        """Deletes; gone already is as good."""
        try:
            self._ask("DELETE", path)
        except errors.NotFound:
            return

    def _ask(self, verb: str, path: str, body: Json = None) -> Json:
        answer = self._raw(verb, f"/api/{path}", b"" if body is None else msgspec.json.encode(body))
        return msgspec.json.decode(answer) if answer else None

    def _raw(self, verb: str, path: str, body: bytes) -> bytes:
        try:
            status, answer = self._once(verb, path, body)
        except (OSError, http.client.HTTPException) as failure:
            raise errors.Unreachable(
                f"The broker's management interface at {self._where} does not answer: {failure}.",
                "Look at the broker's log; the control plane tries again by itself.",
            ) from failure
        if status >= 400:
            raise _error(status, answer, f"{verb} {path}")
        return answer

    def _once(self, verb: str, path: str, body: bytes) -> tuple[int, bytes]:
        headers = {"Authorization": f"Basic {self._login.reveal()}", "Content-Type": "application/json"}
        with self._connected() as connection:
            connection.request(verb, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        """A connection for one request, kept for the next one when all went well."""
        connection = self._take()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        finally:
            self._give_back(connection)

    def _take(self) -> http.client.HTTPConnection:
        """One that the broker has closed meanwhile, at a restart say, has something to read: the end."""
        with self._lock:
            if self._closed:
                raise ConnectionAbortedError("this end is closed")
            while self._free:
                connection = self._free.pop()
                if not _has_something_to_read(connection.sock):
                    break
                connection.close()
            else:
                connection = _Connection(*self._address, self._timeout, self._tls)
            self._asking.add(connection)
        return connection

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._asking.discard(connection)
            if self._closed:
                connection.close()
            elif connection.sock is not None:
                self._free.append(connection)


class _Connection(http.client.HTTPConnection):
    """http.client's own one over TLS holds the certificate against the address that it connects to alone."""

    def __init__(self, host: str, port: int, timeout: float, tls: Tls | None) -> None:
        super().__init__(host, port, timeout=timeout)
        self._over = tls

    def connect(self) -> None:
        super().connect()
        if self._over is not None:
            context = ssl.create_default_context(cafile=self._over.ca_file)
            self.sock = context.wrap_socket(self.sock, server_hostname=self._over.server_name)


def _error(status: int, answer: bytes, request: str) -> errors.TroveError:
    message = f"The broker answered {status} to {request}: {answer[:300].decode(errors='replace')}"
    match status:
        case 400 | 405:
            return errors.Invalid(message)
        case 401 | 403:
            return errors.Refused(message, "Check the control plane's login at the broker.")
        case 404:
            return errors.NotFound(message)
    if status >= 500:  # it starts, stops, or waits for itself; a minute later the same request may be fine
        return errors.Unreachable(message, "Look at the broker's log; the control plane tries again by itself.")
    return errors.Internal(message)


def _has_something_to_read(connection: socket.socket) -> bool:
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    return bool(poller.poll(0))


def _part(name: str) -> str:
    return quote(name, safe="")
