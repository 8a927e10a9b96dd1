"""From orders to handlers: a gap stops the start, and what the engine cannot do is said."""

from pathlib import Path
from typing import Any

import pytest

from common.contract import types as t
from common.errors import Busy, Internal, Unsupported
from tests.troveguest.disk_engine import DiskEngine
from troveguest import dispatch
from troveguest.conformance.ordering import Agent, request
from troveguest.datastores.base import implemented
from troveguest.handlers import capabilities
from troveguest.handlers.agent import Agent as AgentHandlers
from troveguest.handlers.upgrade import Upgrade
from troveguest.host.fake import FakeHost
from troveguest.host.layout import Layout
from troveguest.operations import Operations

INFO = t.AgentInfo(instance_id="i", agent_version="1", contract_version="1.0", datastore="disk", datastore_version="1",
                   capabilities=(), incarnation="abc")


Parts = tuple[dict[str, Any], Operations, DiskEngine, Agent]


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    (tmp_path / "server").mkdir()
    engine = DiskEngine(tmp_path / "server")
    made = Agent(tmp_path, engine)
    handlers = dispatch.gather((AgentHandlers(INFO, FakeHost()).handlers(), made.lifecycle.handlers(),
                                Upgrade(Layout(tmp_path), "", lambda: None).handlers(),
                                capabilities.handlers(engine, implemented(engine))))
    return handlers, made.operations, engine, made


def test_the_whole_contract_has_handlers(parts: Parts) -> None:
    handlers, *_ = parts
    assert dispatch.checked(handlers).keys() == handlers.keys()


def test_a_gap_stops_the_start_and_every_gap_is_named(parts: Parts) -> None:
    handlers, *_ = parts

    def delete_database(database: str) -> None:
        """Calls its argument something else."""

    del handlers["restart"]
    with pytest.raises(Internal, match=r"restart is missing.*delete_database takes") as refusal:
        dispatch.checked({**handlers, "delete_database": delete_database})
    assert "prepare" not in refusal.value.message


def test_two_handlers_for_one_method_are_a_defect() -> None:
    with pytest.raises(Internal, match="rpc_ping"):
        dispatch.gather(({"rpc_ping": print}, {"rpc_ping": print}))


def test_calls_reach_the_engine_and_operations_the_journal(parts: Parts) -> None:
    handlers, operations, engine, made = parts
    called: list[str] = []
    answer = dispatch.Dispatch(handlers, operations, implemented(engine), lambda method: called.append(method.name))
    (engine.directory / "running").touch()
    answer(request("ensure_databases", "", databases=(t.Database(name="d1"),)))
    page = answer(request("list_databases", "", page=t.PageRequest()))
    assert page == t.DatabasePage(items=(t.Database(name="d1"),))
    assert answer(request("rpc_ping", "")) is INFO
    assert called == ["ensure_databases", "list_databases", "rpc_ping"]
    ticket = answer(request("stop_db"))
    assert isinstance(ticket, t.Ticket) and [order.operation_id for order in made.journal.unfinished()] == ["op-1"]
    with pytest.raises(Busy):
        answer(request("list_databases", "", page=t.PageRequest()))
    assert answer(request("rpc_ping", "")) is INFO


def test_what_the_engine_cannot_do_is_said(parts: Parts) -> None:
    handlers, operations, engine, _ = parts
    answer = dispatch.Dispatch(handlers, operations, implemented(engine), lambda method: None)
    with pytest.raises(Unsupported, match="root"):
        answer(request("enable_root", "", password=None))
