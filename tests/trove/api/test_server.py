"""The server in threads: where it listens, what reaches the application, how it ends."""

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.contract import types as t
from common.errors import Refused
from common.secret import Secret
from tests.trove.api.world import World
from trove.api import bodies, server
from trove.standalone.authority import Authority


@pytest.fixture
def served(world: World) -> Iterator[server.Server]:
    made = server.Server(world.client.app, "127.0.0.1", 0)
    made.start()
    yield made
    made.stop()


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


@pytest.mark.parametrize(("host", "strategy"), [("127.0.0.1", "noauth"), ("127.7.0.1", "noauth"), ("::1", "noauth"),
                                                ("localhost", "noauth"), ("0.0.0.0", "keystone")])
def test_other_hosts_are_taken(host: str, strategy: str) -> None:
    server.check_host(host, strategy)


def test_tls(world: World, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    authority.ensure()
    made = server.Server(world.client.app, "127.0.0.1", 0, tls=server.Tls(authority.server, authority.server))
    made.start()
    try:
        connection = http.client.HTTPSConnection("127.0.0.1", made.port, timeout=10,
                                                 context=ssl.create_default_context(cafile=str(authority.certificate)))
        connection.request("GET", "/")
        body = json.loads(connection.getresponse().read())
        assert body["versions"][0]["links"][0]["href"].startswith("https://")
        connection.close()
    finally:
        made.stop()
