"""What the broker's management interface answers when it cannot do what was asked."""

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.errors import Internal, TroveError, Unreachable
from common.secret import Secret
from trove.bus.admin import Admin, Tls
from trove.standalone.authority import Authority


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers every request with its server's ``status``."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "13")
        self.end_headers()
        self.wfile.write(b'{"name":"us"}')

    def do_DELETE(self) -> None:
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "error"), [(500, Unreachable), (502, Unreachable), (503, Unreachable),
                                               (504, Unreachable), (418, Internal)])
def test_a_broker_that_comes_to_itself_is_asked_again(server: http.server.HTTPServer, status: int,
                                                      error: type[TroveError]) -> None:
    server.status = status  # type: ignore[attr-defined]
    admin = Admin("127.0.0.1", server.server_port, "somebody", Secret("x"), "/")
    with pytest.raises(error) as caught:
        admin.delete_user("guest-1")
    assert caught.value.retryable == (error is Unreachable)
    admin.close()


def test_closing_does_not_wait_for_a_broker_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        admin = Admin("127.0.0.1", silent.getsockname()[1], "somebody", Secret("x"), "/")
        with ThreadPoolExecutor() as pool:
            asking = pool.submit(admin.whoami)
            with silent.accept()[0] as request:
                assert request.recv(10)
                admin.close()
                with pytest.raises(Unreachable):
                    asking.result(5)


def test_no_request_waits_for_another_one() -> None:
    """The first gets no answer; the second gets its own meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as relay, ThreadPoolExecutor() as pool:
        admin = Admin("127.0.0.1", relay.getsockname()[1], "somebody", Secret("x"), "/")
        silent = pool.submit(admin.whoami)
        with relay.accept()[0] as first:
            assert first.recv(10)
            second = pool.submit(admin.delete_user, "guest-1")
            with relay.accept()[0] as request:
                assert request.recv(10)
                request.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                second.result(5)
            assert not silent.done()
            admin.close()
            with pytest.raises(Unreachable):
                silent.result(5)


def test_a_connection_that_a_restart_closed_is_not_used_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker, ThreadPoolExecutor() as pool:
        admin = Admin("127.0.0.1", broker.getsockname()[1], "somebody", Secret("x"), "/")
        for _ in range(2):
            asked = pool.submit(admin.delete_user, "guest-1")
            with broker.accept()[0] as request:
                assert request.recv(10)
                request.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                asked.result(5)
        admin.close()


def test_over_tls_the_certificate_must_be_of_the_name_and_the_authority(server: http.server.HTTPServer,
                                                                        tmp_path: Path) -> None:
    own, strange = Authority(tmp_path / "own", ["mq.example.org"]), Authority(tmp_path / "strange")
    for each in (own, strange):
        each.ensure()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.server)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)

    def asked(ca: Path, name: str) -> str:
        admin = Admin("127.0.0.1", server.server_port, "us", Secret("x"), "/", tls=Tls(str(ca), name))
        try:
            return admin.whoami() + admin.whoami()
        finally:
            admin.close()

    assert asked(own.certificate, "mq.example.org") == "usus"
    for ca, name in ((own.certificate, "other.example.org"), (strange.certificate, "mq.example.org")):
        with pytest.raises(Unreachable, match="certificate verify failed"):
            asked(ca, name)
