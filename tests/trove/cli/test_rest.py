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
    thread = threading.Thread(target=server.serve_forever)
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
