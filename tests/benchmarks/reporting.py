"""The agents' end of heartbeats, in a process of its own: as many agents as it is told of, each with its own key.

They share one connection to the broker. First told where that is and who they are (``address``, ``agents``), then how
many of them (``count``) are to send a heartbeat, and how many seconds apart (``pause``).
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from common.crypto import Key
from common.openstack.rpc.connection import Bus
from common.openstack.rpc.sealing import KeyPair
from common.secret import Secret
from tests.benchmarks import machinery, population
from troveguest.bus.client import ConductorClient
from troveguest.bus.keys import Keys


class Agents:
    def __init__(self) -> None:
        self._reports: list[Callable[..., None]] = []
        self._sequence = 1

    def obey(self, told: dict[str, Any]) -> int:
        return self._start(told) if "address" in told else self._report(told["pause"], told["count"])

    def _start(self, told: dict[str, Any]) -> int:
        bus = Bus(machinery.address_of(told["address"]), "agents")
        bus.start()
        assert bus.wait_connected(machinery.PATIENCE)
        self._reports = [ConductorClient(bus, instance_id, _keys(key)).heartbeat
                         for instance_id, key in told["agents"]]
        return len(self._reports)

    def _report(self, pause: float, count: int) -> int:
        """``count`` of the agents send a heartbeat, ``pause`` seconds apart."""
        self._sequence += 1
        began, waiting = time.monotonic(), threading.Event()
        for number, report in enumerate(self._reports[:count]):
            if (rest := began + number * pause - time.monotonic()) > 0:
                waiting.wait(rest)
            report(heartbeat=population.heartbeat(self._sequence))
        return count


def _keys(from_guest: str) -> Keys:
    """Of an agent that only reports."""
    return Keys(KeyPair(to_guest=Key.generate(), from_guest=Key.from_text(Secret(from_guest))))


if __name__ == "__main__":
    machinery.obey(Agents().obey)
