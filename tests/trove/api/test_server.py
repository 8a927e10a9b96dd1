"""The server in threads: where it listens, what reaches the application, how it ends."""

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from common.contract import types as t
from common.errors import Refused
from common.secret import Secret
from tests.trove.api.world import World
from trove.api import bodies, server
from trove.standalone.authority import Authority


@contextmanager
def serving(world: World, tls: server.Tls | None = None) -> Iterator[server.Server]:
    made = server.Server(world.client.app, "127.0.0.1", 0, tls=tls)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def served(standing: World) -> Iterator[server.Server]:
    """One for all of them: it takes half a second to stop."""
    with serving(standing) as made:
        yield made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority") / "ca")
    made.ensure()
    return made


@pytest.fixture(scope="module")
def secured(standing: World, authority: Authority) -> Iterator[server.Server]:
    """As ``served``, with TLS."""
    with serving(standing, server.Tls(authority.server, authority.server)) as made:
        yield made


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data else {}
    finally:
        connection.close()


def test_an_encoded_slash_reaches_the_application(world: World, served: server.Server) -> None:
    instance_id, guest = world.serving()
    guest.ensure_users((t.NewUser(name="a/b.c", password=Secret("x"), host="10.0.0.0/255.0.0.0"),))
    path = f"/v1.0/{world.project}/instances/{instance_id}/users/a%2Fb%2ec%4010.0.0.0%2f255.0.0.0"
    status, body = ask(served.port, "GET", path)
    assert (status, body["user"]["name"], body["user"]["host"]) == (200, "a/b.c", "10.0.0.0/255.0.0.0")


def test_a_name_with_an_underscore_is_not_taken_for_the_header_of_a_proxy() -> None:
    """The client's own, which a proxy that sorts them by name passes on behind its own."""
    seen: list[str] = []

    def application(environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], object]) -> list[bytes]:
        seen.append(environ["HTTP_X_FORWARDED_FOR"])
        start("204 No Content", [])
        return []

    made = server.Server(application, "127.0.0.1", 0, auth_strategy="token")
    made.start()
    connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=10)
    connection.request("GET", "/", headers={"X-Forwarded-For": "192.0.2.7", "X_Forwarded_For": "6.6.6.6"})
    assert connection.getresponse().status == 204
    connection.close()
    made.stop()
    assert seen == ["192.0.2.7"]


def test_a_chunked_body_is_read(world: World, served: server.Server) -> None:
    wanted = json.dumps({"instance": {"name": "one", "flavorRef": 1, "volume": {"size": 1}}}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("POST", f"/v1.0/{world.project}/instances", iter((wanted[:10], wanted[10:])),
                       {"Content-Type": "application/json"}, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 200 and json.loads(answer.read())["instance"]["name"] == "one"
    connection.close()


def test_a_body_that_is_too_large_is_told_before_it_is_sent(world: World, served: server.Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.putrequest("POST", f"/v1.0/{world.project}/instances")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(bodies.MAX_BYTES + 1))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, list(json.loads(answer.read()))) == (413, ["overLimit"])
    connection.close()


def test_links_name_the_host_that_was_asked(world: World, served: server.Server) -> None:
    _, body = ask(served.port, "GET", "/", Host="db.example.org:8779")
    assert body["versions"][0]["links"][0]["href"] == "http://db.example.org:8779/v1.0/"


def test_nobody_listens_after_stop(world: World) -> None:
    made = server.Server(world.client.app, "127.0.0.1", 0)
    made.start()
    assert ask(made.port, "GET", "/v1.0/")[0] == 200
    port = made.port
    made.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(port, "GET", "/v1.0/")


def test_a_taken_port_is_an_error_at_start(world: World, served: server.Server) -> None:
    with pytest.raises(OSError, match=str(served.port)):
        server.Server(world.client.app, "127.0.0.1", served.port).start()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "db.example.org", ""])
def test_noauth_listens_on_loopback_only(world: World, host: str) -> None:
    with pytest.raises(Refused, match="noauth") as refused:
        server.Server(world.client.app, host, 0, auth_strategy="noauth")
    assert "bind_host" in refused.value.hint and "tunnel" in refused.value.hint


@pytest.mark.parametrize(("host", "strategy", "tls"), [
    ("127.0.0.1", "noauth", False), ("127.7.0.1", "noauth", False), ("::1", "noauth", False),
    ("localhost", "token", False), ("0.0.0.0", "keystone", True), ("192.0.2.7", "token", True)])
def test_other_hosts_are_taken(host: str, strategy: str, tls: bool) -> None:
    server.check_host(host, strategy, tls=tls)


@pytest.mark.parametrize("strategy", ["token", "keystone"])
def test_tokens_do_not_travel_in_the_open(strategy: str) -> None:
    with pytest.raises(Refused, match="Without TLS") as refused:
        server.check_host("192.0.2.7", strategy, tls=False)
    assert "tls_certificate" in refused.value.hint


def look(port: int, authority: Authority | None = None) -> dict[str, Any]:
    """With a connection of its own, over TLS where ``authority`` vouches for it; gives two seconds for the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    if authority is not None:
        trusting = ssl.create_default_context(cafile=str(authority.certificate))
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=2, context=trusting)
    connection.request("GET", "/")
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


@pytest.mark.parametrize("tls", [False, True])
def test_who_connects_and_says_nothing_holds_up_nobody(served: server.Server, secured: server.Server,
                                                       authority: Authority, tls: bool) -> None:
    """As many as there are threads, and more."""
    port = (secured if tls else served).port
    with ExitStack() as open_:
        for _ in range(25):
            open_.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert look(port, authority if tls else None)["versions"]


def test_plain_http_where_tls_is_spoken_is_told_so(secured: server.Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", secured.port, timeout=10)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.status == 400 and b"nothing but HTTPS" in answer.read()
    connection.close()


def test_headers_without_end_are_refused(served: server.Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", "/", headers={"X-Long": "x" * 100_000})
    assert connection.getresponse().status == 413
    connection.close()


def test_tls(secured: server.Server, authority: Authority) -> None:
    assert look(secured.port, authority)["versions"][0]["links"][0]["href"].startswith("https://")
