"""A start while the broker is away: one of somebody else's is waited for."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from common.errors import Refused, Unreachable
from tests.trove.world import make_store
from trove import config
from trove.bus.topology import GuestTopology
from trove.db.store import Store
from trove.metrics.figures import Figures
from trove.standalone import brokers, foundation
from trove.standalone.foundation import Foundation
from trove.standalone.state import State


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = make_store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def foreign(tmp_path: Path) -> brokers.Broker:
    """At a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    (tmp_path / "ca.pem").write_text("")
    (tmp_path / "trove.conf").write_text(
        f"[broker]\nhost = 127.0.0.1\nport = {port}\nmanagement_port = {port}\nmanagement_tls = false\n"
        f"ca_file = {tmp_path}/ca.pem\n")
    return brokers.find(config.load([tmp_path / "trove.conf"]), State(tmp_path / "state"))


def join(store: Store, broker: brokers.Broker, running: contextlib.ExitStack) -> foundation.Bound:
    return Foundation(Mock(), Mock(), Figures(), running).join_bus(store, broker)


def test_one_of_somebody_else_is_waited_for(store: Store, foreign: brokers.Broker,
                                             caplog: pytest.LogCaptureFixture) -> None:
    foreign.start()
    with contextlib.ExitStack() as running:
        bound = join(store, foreign, running)
        assert not bound.bus.connected
        assert bound.broker.endpoint().host == "127.0.0.1"
    assert "starts and waits for it" in caplog.text


def test_one_of_ours_is_not(store: Store, foreign: brokers.Broker) -> None:
    foreign.is_ours = True
    with contextlib.ExitStack() as running, pytest.raises(Unreachable):
        join(store, foreign, running)


def test_one_that_answers_and_does_not_let_us_in_stops_the_start(
        store: Store, foreign: brokers.Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GuestTopology, "prepare", Mock(side_effect=Refused("The broker answered 401.")))
    with contextlib.ExitStack() as running, pytest.raises(Refused):
        join(store, foreign, running)
