# mypy: disallow-untyped-calls=False
# (py-amqp has no types)
"""One AMQP connection from its making to its end. Used by one thread alone, which never waits on it without a limit.

py-amqp reads a frame with three reads of the socket, and spins on a half-arrived one when the socket does not block. So
the bytes are fetched here, without waiting, into py-amqp's own read buffer, and py-amqp is asked for a frame only when
a whole one is there. What TLS has decrypted already is fetched in the same turn, since ``poll`` on the socket does not
show it.
"""

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import amqp
from amqp import spec

from common.secret import Secret

HEARTBEAT = 30
"""Seconds, proposed to the broker; the smaller of both proposals holds."""

SYNC_TIMEOUT = 10.0
"""Seconds that connecting, a write, or the answer to a declaration may take: well within two heartbeats."""

_CLOSE_TIMEOUT = 2.0
_CHUNK = 65536
_FRAME_HEADER = struct.Struct(">BHI")

NO_QUEUE = "There is no queue behind {exchange} for {key}."
QUEUE_FULL = "The queue behind {exchange} for {key} is full."
CONNECTION_LOST = "The connection to the broker was lost before it confirmed the message."


@dataclass(frozen=True, slots=True, kw_only=True)
class BusAddress:
    """Where the broker is and who we are to it. ``ca_file``: PEM, the only authority that is believed; empty: no TLS.

    ``server_name`` is the name in the broker's certificate, when it is not ``host``.
    """

    host: str
    port: int
    username: str
    password: Secret
    virtual_host: str = "/"
    ca_file: str = ""
    server_name: str = ""


@dataclass(slots=True, kw_only=True)
class Publication:
    """One message on its way out; ``expiration`` and ``deadline`` (of ``time.monotonic``) in seconds.

    ``taken`` and ``lost`` are called for confirmed messages: one of them, once. ``lost`` is given the reason as a
    sentence.
    """

    exchange: str
    key: str
    body: bytes = field(repr=False)
    deadline: float
    persistent: bool = False
    confirm: bool = False
    mandatory: bool = False
    expiration: float | None = None
    message_id: str | None = None
    taken: Callable[[], None] | None = None
    lost: Callable[[str], None] | None = None

    def message(self, username: str) -> amqp.Message:
        """As ``username`` sends it, which the broker holds it to."""
        properties: dict[str, object] = {
            "content_type": "application/json", "content_encoding": "utf-8", "priority": 0,
            "delivery_mode": 2 if self.persistent else 1, "user_id": username,
        }
        if self.expiration is not None:
            properties["expiration"] = str(max(1, int(self.expiration * 1000)))
        if self.message_id is not None:
            properties["message_id"] = self.message_id
        return amqp.Message(self.body, **properties)

    def fail(self, reason: str) -> None:
        if self.lost is not None:
            self.lost(reason.format(exchange=self.exchange, key=self.key))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message for us. ``ack`` or ``reject`` it once, from any thread; after a reconnect both do nothing."""

    body: bytes = field(repr=False)
    exchange: str
    key: str
    redelivered: bool
    user_id: str
    settle: Callable[[bool, bool], None] = field(repr=False)

    def ack(self) -> None:
        self.settle(True, False)

    def reject(self, *, requeue: bool = False) -> None:
        self.settle(False, requeue)


class ChannelBroken(amqp.RecoverableConnectionError):
    """The broker closed a channel that carries our traffic: the whole connection is made anew, in a known state."""


class _Channel(amqp.Channel):
    """py-amqp re-opens a channel that the broker closed, bare, under our feet. Only the administrative one may be
    so.
    """

    revives = False

    def _on_close(self, reply_code: int, reply_text: str, class_id: int, method_id: int) -> None:
        if not self.revives:
            raise ChannelBroken(reply_text, (class_id, method_id), reply_code=reply_code)
        super()._on_close(reply_code, reply_text, class_id, method_id)


class _Connection(amqp.Connection):
    Channel = _Channel

    def Transport(self, host: str, *arguments: Any, **settings: Any) -> Any:  # noqa: N802
        transport = super().Transport(host, *arguments, **settings)
        transport.host = _name(transport.host)
        return transport


class Link:
    """Making one connects. Every method raises OSError or amqp.ConnectionError when the connection is no more.

    ``admin`` is a channel for declarations; a refusal there is an amqp.ChannelError and harms nothing else.
    ``on_blocked`` is told when the broker stops and starts taking messages, ``on_return`` the message id of an
    unroutable, unconfirmed one.
    """

    def __init__(self, address: BusAddress, name: str, on_blocked: Callable[[bool], None],
                 on_return: Callable[[str], None]) -> None:
        self._username = address.username
        self._on_return = on_return
        self._published = 0
        self._prefetch = 0
        self._unconfirmed: dict[int, Publication] = {}
        self._unroutable: set[str] = set()
        self._connection = _connection(address, name, on_blocked)
        try:
            self._connection.connect()
            self._transport: Any = self._connection.transport
            self._socket: socket.socket = self._transport.sock
            self._socket.settimeout(SYNC_TIMEOUT)
            self._open_channels()
        except BaseException:
            self._collect()
            raise

    def _open_channels(self) -> None:
        self.admin = self._connection.channel()
        self.admin.revives = True
        self._plain = self._connection.channel()
        self._plain.events["basic_return"].add(self._returned)
        self._confirming = self._connection.channel()
        self._confirming.confirm_select()
        self._confirming.events["basic_ack"].add(self._on_ack)
        self._confirming.events["basic_nack"].add(self._on_nack)
        self._confirming.events["basic_return"].add(self._returned_confirmed)
        self._consuming = self._connection.channel()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def tick(self) -> float:
        """Seconds within which ``beat`` wants to be called again."""
        return float(self._connection.heartbeat or HEARTBEAT) / 4

    def beat(self) -> None:
        """Sends a heartbeat when one is due; raises amqp.ConnectionForced when the broker's have stopped."""
        self._connection.heartbeat_tick()

    @property
    def has_unseen(self) -> bool:
        """Whether something has arrived that ``poll`` does not show: the answer to a declaration came with more
        behind it.
        """
        return self._frame_is_whole() or self._is_decrypted()

    def receive(self) -> None:
        """Takes what has arrived, never waits, and hands on every whole frame."""
        self._hand_on()
        while (data := self._fetch()) is not None:
            # py-amqp reads from this buffer first, so a declaration that waits inside a callback goes on at its place.
            self._transport._read_buffer += data
            self._hand_on()
            if not self._is_decrypted():
                return

    def _hand_on(self) -> None:
        while self._frame_is_whole():
            self._connection.on_inbound_frame(self._transport.read_frame())

    def _is_decrypted(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _fetch(self) -> bytes | None:
        self._socket.settimeout(0)
        try:
            data = self._socket.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        finally:
            self._socket.settimeout(SYNC_TIMEOUT)
        if not data:
            raise ConnectionResetError("the broker closed the connection")
        return data

    def _frame_is_whole(self) -> bool:
        buffer: bytes = self._transport._read_buffer
        if len(buffer) < _FRAME_HEADER.size:
            return False
        size: int = _FRAME_HEADER.unpack_from(buffer)[2]
        return len(buffer) >= _FRAME_HEADER.size + size + 1

    def publish(self, publication: Publication) -> None:
        # Not basic_publish: that reads the socket before every message.
        channel = self._confirming if publication.confirm else self._plain
        if publication.confirm:
            self._published += 1
            self._unconfirmed[self._published] = publication
        arguments = (0, publication.exchange, publication.key, publication.mandatory, False)
        channel.send_method(spec.Basic.Publish, "Bssbb", arguments, publication.message(self._username))

    def consume(self, queue: str, callback: Callable[[Delivery], None], on_cancel: Callable[[], None],
                settle: Callable[[int, bool, bool], None], *, no_ack: bool, prefetch: int) -> str:
        """Returns the consumer's tag, or raises amqp.NotFound without harm when there is no such queue.

        ``settle(tag, accept, requeue)`` is what a delivery does when it is acknowledged or rejected.
        """
        self.admin.queue_declare(queue, passive=True)
        if prefetch != self._prefetch:
            self._consuming.basic_qos(0, prefetch, False)
            self._prefetch = prefetch
        return cast(str, self._consuming.basic_consume(
            queue, no_ack=no_ack, callback=lambda message: callback(_delivery(message, settle)),
            on_cancel=lambda tag: on_cancel()))

    def cancel(self, tag: str) -> None:
        self._consuming.basic_cancel(tag)

    def settle(self, tag: int, accept: bool, requeue: bool) -> None:
        self._consuming.basic_ack(tag) if accept else self._consuming.basic_reject(tag, requeue)

    def close(self) -> None:
        """Says goodbye when the broker still listens. What was not confirmed is lost, and told so."""
        with contextlib.suppress(OSError, amqp.AMQPError):  # it is over either way
            self._socket.settimeout(_CLOSE_TIMEOUT)
            self._connection.close()
        self.drop()

    def drop(self) -> None:
        """Ends it without a word to the broker."""
        self._collect()
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        for publication in unconfirmed.values():
            publication.fail(CONNECTION_LOST)

    def _collect(self) -> None:
        transport = self._connection._transport
        if transport is not None and transport.sock is not None:
            transport.sock.settimeout(0)  # TLS would wait for the other side's goodbye
        with contextlib.suppress(OSError, ValueError):  # unwrapping TLS on a dead socket fails, and closes it
            self._connection.collect()

    def _on_ack(self, tag: int, multiple: bool) -> None:
        for publication in self._settle(tag, multiple):
            if publication.message_id in self._unroutable:
                self._unroutable.discard(publication.message_id)
                publication.fail(NO_QUEUE)
            elif publication.taken is not None:
                publication.taken()

    def _on_nack(self, tag: int, multiple: bool) -> None:
        for publication in self._settle(tag, multiple):
            publication.fail(QUEUE_FULL)

    def _settle(self, tag: int, multiple: bool) -> list[Publication]:
        tags = [known for known in self._unconfirmed if known <= tag] if multiple else [tag]
        return [self._unconfirmed.pop(known) for known in tags if known in self._unconfirmed]

    def _returned_confirmed(self, error: Exception, exchange: str, key: str, message: amqp.Message) -> None:
        """The broker returns an unroutable message first and confirms it afterwards."""
        self._unroutable.add(message.properties.get("message_id", ""))

    def _returned(self, error: Exception, exchange: str, key: str, message: amqp.Message) -> None:
        self._on_return(message.properties.get("message_id", ""))


def _connection(address: BusAddress, name: str, on_blocked: Callable[[bool], None]) -> Any:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return _Connection(
        f"{host}:{address.port}", userid=address.username, password=address.password.reveal(), login_method="PLAIN",
        virtual_host=address.virtual_host, ssl=_tls(address), heartbeat=HEARTBEAT, connect_timeout=SYNC_TIMEOUT,
        client_properties={"connection_name": name}, on_blocked=lambda reason: on_blocked(True),
        on_unblocked=lambda: on_blocked(False),
        # py-amqp's own default ends a connection after one second of packet loss.
        socket_settings={socket.TCP_USER_TIMEOUT: int(SYNC_TIMEOUT * 1000)},
    )


def _tls(address: BusAddress) -> dict[str, object] | bool:
    if not address.ca_file:
        return False
    return {"ca_certs": address.ca_file, "server_hostname": _name(address.server_name or address.host),
            "cert_reqs": ssl.CERT_REQUIRED, "tls_minimum_version": ssl.TLSVersion.TLSv1_2}


def _name(host: str) -> str | bytes:
    """As bytes when it can be: for a text Python loads the codec ``idna``, 0.35 MB of tables."""
    return host.encode("ascii") if host.isascii() else host


def _delivery(message: Any, settle: Callable[[int, bool, bool], None]) -> Delivery:
    info = message.delivery_info
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    return Delivery(body, info["exchange"], info["routing_key"], info["redelivered"],
                    message.properties.get("user_id", ""), partial(settle, info["delivery_tag"]))
