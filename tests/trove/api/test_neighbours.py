"""Accounts of databases on the same machine get no answer from an API that asks nobody who he is."""

import http.client
import json
import os
import socket
import time
from collections.abc import Iterator

import pytest

from common.contract.placement import ACCOUNT_IDS
from common.errors import HostFailed
from tests.trove.api.world import World
from trove.api import neighbours, server

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes other users")
DELETED = ACCOUNT_IDS[-1]
"""An id that no account has."""


@pytest.fixture(scope="module", params=["127.0.0.1", "::1"])
def served(standing: World, request: pytest.FixtureRequest) -> Iterator[server.Server]:
    made = server.Server(standing.client.app, request.param, 0)
    made.start()
    yield made
    made.stop()


def dialled_by(uid: int, address: tuple[str, int]) -> socket.socket:
    """A connection whose socket ``uid`` made, as the kernel remembers it."""
    os.seteuid(uid)
    try:
        return socket.create_connection(address, timeout=10)
    finally:
        os.seteuid(0)


def asked_by(uid: int, address: tuple[str, int]) -> tuple[int, dict]:
    connection = http.client.HTTPConnection(*address)
    connection.sock = dialled_by(uid, address)
    connection.request("GET", "/v1.0/demo/instances")
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


@needs_root
def test_the_account_of_a_database_is_refused_and_others_are_answered(served: server.Server) -> None:
    address = served.address
    assert asked_by(0, address)[0] == 200
    assert asked_by(65534, address)[0] == 200
    status, body = asked_by(DELETED, address)
    assert (status, body["forbidden"]["code"]) == (403, 403)
    assert "accounts of databases" in body["forbidden"]["message"]


@needs_root
def test_an_order_whose_sender_has_gone_is_not_carried_out(world: World, served: server.Server) -> None:
    """Whose it was cannot be known any more, on every kernel."""
    wanted = json.dumps({"instance": {"name": "one", "flavorRef": 1, "volume": {"size": 1}}}).encode()
    sent = (f"POST /v1.0/{world.project}/instances HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(wanted)}\r\n\r\n").encode() + wanted
    for uid in (DELETED, 0):
        with dialled_by(uid, served.address) as line:
            line.sendall(sent)
    assert asked_by(0, served.address)[1] == {"instances": []}


@needs_root
def test_who_has_said_his_last_word_still_gets_his_answer(served: server.Server) -> None:
    with dialled_by(0, served.address) as line:
        line.sendall(b"GET /v1.0/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        line.shutdown(socket.SHUT_WR)
        assert line.recv(100).startswith(b"HTTP/1.1 200")


def test_accounts_of_people_with_high_ids_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {ACCOUNT_IDS[0]: "anna", ACCOUNT_IDS[1]: "tre-0123456789ab", ACCOUNT_IDS[2]: "tra-0123456789ab"}
    monkeypatch.setattr(neighbours.pwd, "getpwuid", lambda uid: type("Entry", (), {"pw_name": names[uid]}))
    assert [neighbours.is_instances(uid) for uid in (0, 1000, *ACCOUNT_IDS[:4])] == [
        False, False, False, True, True, True]


def test_a_kernel_that_tells_nothing_stops_the_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "owner", lambda here, there: None)
    made = server.Server(world.client.app, "127.0.0.1", 0)
    with pytest.raises(HostFailed, match="whose a connection is"):
        made.start()


def test_a_look_costs_less_than_a_millisecond() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as line:
        begun = time.perf_counter()
        found = {neighbours.owner(line.getsockname(), listening.getsockname()) for _ in range(100)}
        assert found == {os.geteuid()} and time.perf_counter() - begun < 1
