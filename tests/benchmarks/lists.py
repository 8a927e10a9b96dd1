"""Lists over REST: the API against a bare application in the same server that sends the same bytes.

Clients hold two connections open and ask as fast as they are answered.
"""

import contextlib
import socket
import threading
import time

import falcon.testing
from sqlalchemy import event

from tests.benchmarks import population, served
from tests.benchmarks.comparison import Result, Scale, interleaved
from tests.benchmarks.machinery import Machinery, child
from tests.trove import machines
from trove.api import app
from trove.api.fake_guests import FakeGuests
from trove.db.commands import Commands
from trove.db.store import Store

CONNECTIONS = 2
PATH = f"/v1.0/{population.PROJECT}/instances?limit=50"
_REQUEST = f"GET {PATH} HTTP/1.1\r\nHost: trove\r\n\r\n".encode()
_LENGTH = b"content-length:"


def of_50(machinery: Machinery, scale: Scale) -> Result:
    return _compared(machinery, scale, 50)


def of_many(machinery: Machinery, scale: Scale) -> Result:
    return _compared(machinery, scale, scale.many)


def _compared(machinery: Machinery, scale: Scale, count: int) -> Result:
    home = machinery.directory()
    url, key = f"sqlite:///{home}/trove.sqlite", home / "key"
    store = population.populated(url, key, count)
    statements = _statements(store)
    store.close()
    with contextlib.ExitStack() as running:
        api = running.enter_context(child("served", "store", url, str(key))).ask("port")
        (home / "answer").write_bytes(_answer(api))
        bare = running.enter_context(child("served", "bytes", str(home / "answer"))).ask("port")
        result = interleaved(scale.rounds, lambda: _rate(api, scale.seconds), lambda: _rate(bare, scale.seconds))
    return Result(result.ours, result.other, {"SQL statements": statements})


def _statements(store: Store) -> int:
    """SQL statements for one list, without the BEGIN of its transaction; the second time, when all is warm."""
    client = falcon.testing.TestClient(app.create_app(Commands(store), FakeGuests(), machines.desk(store)))
    seen: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    for _ in range(2):
        seen.clear()
        assert client.simulate_get(PATH).status_code == 200
    return sum(not statement.startswith("BEGIN") for statement in seen)


def _answer(port: int) -> bytes:
    """The body of one list."""
    with _connection(port) as connection:
        return _ask(connection)


def _rate(port: int, seconds: float) -> float:
    """Requests answered per second over ``CONNECTIONS`` connections."""
    counts: list[int] = []
    began = time.perf_counter()
    clients = [threading.Thread(target=lambda: counts.append(_ask_until(port, began + seconds)))
               for _ in range(CONNECTIONS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert len(counts) == CONNECTIONS, "a client failed"
    return sum(counts) / (time.perf_counter() - began)


def _ask_until(port: int, end: float) -> int:
    count = 0
    with _connection(port) as connection:
        while time.perf_counter() < end:
            _ask(connection)
            count += 1
    return count


def _connection(port: int) -> socket.socket:
    made = socket.create_connection((served.HOST, port), timeout=30)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _ask(connection: socket.socket) -> bytes:
    """A request and the whole body of its answer. A client of its own, so that the servers' work is what is seen."""
    connection.sendall(_REQUEST)
    head, _, body = _read(connection, b"").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    lines = head.lower().split(b"\r\n")
    length = next(int(line[len(_LENGTH):]) for line in lines if line.startswith(_LENGTH))
    while len(body) < length:
        body = _read(connection, body)
    return body


def _read(connection: socket.socket, before: bytes) -> bytes:
    """``before`` and what comes next."""
    more = connection.recv(1 << 18)
    assert more, "the server closed the connection"
    return before + more
