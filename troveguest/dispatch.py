"""From the contract to handlers: every method has one, of the contract's shape, or the agent does not start."""

from collections.abc import Callable, Iterable, Mapping

from common.contract.check import check_handlers
from common.contract.declare import Kind, Method
from common.contract.guest import Guest
from common.errors import Internal, Unsupported

from .bus.server import Request
from .operations import Operations

Handlers = Mapping[str, Callable[..., object]]

LOGS = "logs"
"""The capability of what is wanted most while something else is under way."""

JOB = "job"
"""The parameter by which an operation's handler is given its Job."""


def gather(parts: Iterable[Handlers]) -> dict[str, Callable[..., object]]:
    """One table from several. Raises Internal when two of them have the same method."""
    table: dict[str, Callable[..., object]] = {}
    for part in parts:
        if twice := table.keys() & part.keys():
            raise Internal(f"There are two handlers for {', '.join(sorted(twice))}.")
        table.update(part)
    return table


def checked(handlers: Handlers) -> dict[str, Method]:
    """The contract's methods by name. Raises Internal, naming every gap, unless ``handlers`` has them all."""
    try:
        return check_handlers(Guest, handlers, beside=(JOB,))
    except TypeError as error:
        raise Internal(str(error), "Install an agent whose parts belong together.") from error


class Dispatch:
    """Carries out an order: a call's result, or an operation's ticket. Raises a TroveError."""

    def __init__(self, handlers: Handlers, operations: Operations, capabilities: frozenset[str],
                 called: Callable[[Method], None]) -> None:
        """``called`` is told of each call that succeeded."""
        self._handlers = handlers
        self._operations = operations
        self._capabilities = capabilities
        self._called = called

    def __call__(self, request: Request) -> object:
        method = request.method
        if method.capability and method.capability not in self._capabilities:
            raise Unsupported(f"This engine has no {method.capability}.", "Choose a datastore that has.")
        if method.kind is Kind.OPERATION:
            return self._operations.accept(request)
        if method.capability not in ("", LOGS):
            self._operations.require_idle()
        answer = self._handlers[method.name](**request.arguments)
        self._called(method)
        return answer
