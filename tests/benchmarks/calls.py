"""A call over RabbitMQ with TLS: ours, sealed, against oslo.messaging's, which seals nothing.

Either server is a process of its own; it answers a page of twenty databases.
"""

import contextlib
import dataclasses
import secrets
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import oslo_messaging

from common.contract import types as t
from common.secret import Secret
from tests.benchmarks import answering
from tests.benchmarks.comparison import Result, Scale, interleaved, percentile
from tests.benchmarks.machinery import Machinery, address_as_json, bus, child
from tests.keys import drawn
from trove.bus import names
from trove.bus.guests import GuestClient
from trove.bus.topology import GuestTopology
from trove.domain.peers import PeerKeys

CALLERS = 8
_MILLISECONDS = 1000.0

Call = Callable[[], None]


def one_by_one(machinery: Machinery, scale: Scale) -> Result:
    """Milliseconds a call, the median of each round, by one caller."""
    return _compared(machinery, scale, callers=1)


def at_once(machinery: Machinery, scale: Scale) -> Result:
    """The same, by ``CALLERS`` threads that call the same guest without a pause."""
    return _compared(machinery, scale, callers=CALLERS)


def _compared(machinery: Machinery, scale: Scale, callers: int) -> Result:
    with _our_call(machinery) as ours, _oslo_call(machinery) as oslo:
        seen: dict[Call, list[float]] = {ours: [], oslo: []}

        def measured(call: Call) -> float:
            taken = _times(call, scale.calls, callers)
            seen[call] += taken
            return statistics.median(taken)

        result = interleaved(scale.rounds, lambda: measured(ours), lambda: measured(oslo))
    return Result(result.ours, result.other, {"p99 ms": percentile(seen[ours], 0.99),
                                              "p99 ms of the other": percentile(seen[oslo], 0.99)})


def _times(call: Call, count: int, callers: int) -> list[float]:
    """Milliseconds of each of ``count`` calls by ``callers`` threads."""
    def some() -> list[float]:
        return [_time(call) for _ in range(count // callers)]

    with ThreadPoolExecutor(callers) as threads:
        under_way = [threads.submit(some) for _ in range(callers)]
        return [taken for each in under_way for taken in each.result()]


def _time(call: Call) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * _MILLISECONDS


@contextmanager
def _our_call(machinery: Machinery) -> Iterator[Call]:
    node = machinery.broker
    instance_id, password, keys = str(uuid.uuid4()), Secret(secrets.token_urlsafe(24)), drawn()
    topology = GuestTopology(machinery.admin(node))
    topology.create(instance_id, {1: password})
    guest = dataclasses.replace(node.bus_address(), username=names.login(instance_id), password=password)
    told = {"address": address_as_json(guest), "instance_id": instance_id,
            "to_guest": keys.to_guest.text().reveal(), "from_guest": keys.from_guest.text().reveal()}
    known = PeerKeys(to_guest=keys.to_guest, from_guest=keys.from_guest, incarnation=answering.INCARNATION)
    page = t.PageRequest(limit=20)
    with contextlib.ExitStack() as running:
        running.callback(topology.delete, instance_id)
        assert running.enter_context(child("answering", "ours")).ask(told) == "serves"
        control = running.enter_context(bus(node.bus_address(), "control"))
        proxy = GuestClient(control, lambda _id: known).of(instance_id)

        def call() -> None:
            assert proxy.list_databases(page=page) == answering.PAGE

        yield call


@contextmanager
def _oslo_call(machinery: Machinery) -> Iterator[Call]:
    address = machinery.broker.bus_address()
    with child("answering", "oslo") as server:
        assert server.ask({"address": address_as_json(address)}) == "serves"
        transport = answering.oslo_transport(address)
        target = oslo_messaging.Target(topic=answering.OSLO_TOPIC)
        client = oslo_messaging.get_rpc_client(transport, target, timeout=30)

        def call() -> None:
            assert client.call({}, "list_databases", page={"limit": 20}) == answering.Endpoint.page

        try:
            yield call
        finally:
            transport.cleanup()
