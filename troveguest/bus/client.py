"""The reporting end: ``ConductorClient`` in an agent, made from the contract."""

from collections.abc import Callable

from common.contract.conductor import Conductor
from common.contract.declare import Method, methods
from common.openstack.rpc import envelope, names, sealing
from common.openstack.rpc.connection import Bus

from .keys import Keys

REPORT_EXPIRY = 60.0
"""Seconds after which an unconfirmed report that no conductor took is dropped: a later one says more, and who takes it
believes that it is new."""


class ConductorClient:
    """Reports of one guest: ``hello(hello=…)``, ``heartbeat(heartbeat=…)``, ``progress(progress=…)``,
    ``result(result=…)``.

    Confirmed ones return when the broker has them. All raise Unreachable; a confirmed one also when the guest's queue
    is full. ``timeout`` in seconds may be given to any, 0 to not wait for a connection.
    """

    def __init__(self, bus: Bus, instance_id: str, keys: Keys, contract: type = Conductor) -> None:
        self._bus = bus
        self._instance_id = instance_id
        self._keys = keys
        self._methods = methods(contract)

    def __getattr__(self, name: str) -> Callable[..., None]:
        method = self._methods.get(name)
        if method is None:
            raise AttributeError(f"the contract has no {name}")

        def report(*, timeout: float = 10.0, **arguments: object) -> None:
            self._report(method, arguments, timeout)

        return report

    def _report(self, method: Method, arguments: dict[str, object], timeout: float) -> None:
        # The least that is needed: an older conductor takes it and passes over the fields that it does not know.
        request = sealing.request(method, arguments, method.since)
        body = envelope.request(method.name, sealing.seal(self._keys.now.from_guest, request), request.version)
        self._bus.publish(names.reports(self._instance_id), names.CONDUCTOR_KEY, body, persistent=method.confirmed,
                          confirm=method.confirmed, expiration=None if method.confirmed else REPORT_EXPIRY,
                          timeout=timeout)
