"""``trovectl``'s client against small servers: answers, refusals, strangers, silence."""

import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from common.errors import Internal, TroveError, Unreachable
from trove.cli.rest import Client


@contextmanager
def serving(status: int, body: bytes) -> Iterator[tuple[Client, list[str]]]:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Says nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Client(f"http://127.0.0.1:{server.server_port}"), asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_answer() -> None:
    with serving(200, b'{"instances": []}') as (client, asked):
        assert client.get("/instances") == {"instances": []}
        assert client.answers()
    assert asked == ["/v1.0/demo/instances", "/healthcheck"]


@pytest.mark.parametrize(("status", "body", "kind", "word"), [
    (413, json.dumps({"overLimit": {"message": "Too many.", "code": 413}}).encode(), TroveError, "Too many."),
    (503, b"{}", TroveError, "503"),
    (200, b"<html>hello</html>", Internal, "not Trove"),
])
def test_what_is_no_answer(status: int, body: bytes, kind: type[TroveError], word: str) -> None:
    with serving(status, body) as (client, _), pytest.raises(kind, match=word):
        client.get("/instances")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("ask", [lambda client: client.get("/instances"), lambda client: client.post("/instances", {})])
def test_nobody_there(ask: Callable[[Client], object]) -> None:
    client = Client(f"http://127.0.0.1:{closed_port()}")
    assert not client.answers()
    with pytest.raises(Unreachable, match="does not answer"):
        ask(client)


@contextmanager
def hanging_up(contested: bool) -> Iterator[tuple[Client, list[tuple[str, bytes]]]]:
    """A server that hangs up on the first request and answers others; when ``contested``, the second by a 409."""
    asked: list[tuple[str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.headers["Idempotency-Key"], body))
            if len(asked) == 1:
                self.close_connection = True
                return
            wait = contested and len(asked) == 2
            self.send_response(409 if wait else 200)
            self.end_headers()
            self.wfile.write(b'{"conflict": {"code": 409, "message": "Wait."}}' if wait else b'{"done": 1}')

        def log_message(self, *words: object) -> None:
            """Says nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Client(f"http://127.0.0.1:{server.server_port}"), asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("contested", [False, True])
def test_a_post_whose_answer_is_lost_is_repeated_under_its_key(contested: bool) -> None:
    with hanging_up(contested) as (client, asked):
        assert client.post("/instances", {"instance": {}}) == {"done": 1}
        assert len(asked) == 2 + contested and len(set(asked)) == 1
        client.post("/instances", {"instance": {}})
    assert len(set(asked)) == 2
