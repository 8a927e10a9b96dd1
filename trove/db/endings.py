"""How an operation ends: its row, its instance's state and what the instance no longer needs, in one transaction."""

from sqlalchemy import Connection

from common.errors import Invalid, TroveError
from trove.domain.events import EventKind
from trove.domain.kinds import KINDS
from trove.domain.states import Task

from . import events, guests, hosts, instances, operations, quota
from .views import Operation, Scope


def succeed(connection: Connection, operation_id: str) -> str:
    """The state it ended in: cancelled when the instance was taken elsewhere meanwhile, done otherwise."""
    operation = _open(connection, operation_id)
    if operation.ended:
        return operation.state
    kind = KINDS[operation.kind]
    if operation.cancel_asked or not instances.move_if(connection, operation.instance_id, kind.during, kind.done):
        return _cancel(connection, operation)
    if kind.during is Task.DELETING:
        instances.set_deleted(connection, operation.instance_id)
        quota.release(connection, operation.instance_id)
        hosts.forget_emptied(connection, operation.instance_id)
    else:
        instances.clear_fault(connection, operation.instance_id)
        guests.wipe_order(connection, operation.instance_id)
    operations.finish(connection, operation_id, "done", kind.sentence)
    return "done"


def fail(connection: Connection, operation_id: str, error: TroveError) -> str:
    """The instance keeps its quota, its order and what was made of it, for a person to look at, retry or delete."""
    operation = _open(connection, operation_id)
    if operation.ended:
        return operation.state
    kind = KINDS[operation.kind]
    undone = kind.undone if isinstance(error, Invalid) else None
    if operation.cancel_asked or not instances.move_if(connection, operation.instance_id, kind.during,
                                                       undone or kind.broke):
        return _cancel(connection, operation)
    details = f"{operation.kind}, step {operation.step or 'none'}: {error.code} (request {operation.request_id})"
    if undone or kind.failed is not Task.NONE:  # else the instance is none the worse for it
        instances.set_fault(connection, operation.instance_id, error.sentence(), details)
    operations.finish(connection, operation_id, "failed", error.sentence(), error)
    return "failed"


def run_out(connection: Connection, operation_id: str, error: TroveError) -> str:
    """Like ``fail``, for an operation whose deadline passed."""
    operation = _open(connection, operation_id)
    if not operation.ended:
        events.note_operation(connection, EventKind.OPERATION_LATE, operation_id, error.sentence(), operation.step)
    return fail(connection, operation_id, error)


def cancel(connection: Connection, operation_id: str) -> str:
    """Somebody called it off, and took the instance elsewhere when they did, perhaps to work of another kind."""
    operation = _open(connection, operation_id)
    return operation.state if operation.ended else _cancel(connection, operation)


def _cancel(connection: Connection, operation: Operation) -> str:
    operations.finish(connection, operation.id, "cancelled", f"Called off during: {operation.sentence}")
    return "cancelled"


def _open(connection: Connection, operation_id: str) -> Operation:
    """The operation, with its instance's row locked against everybody else. Raises NotFound."""
    operation = operations.get(connection, operation_id)
    if operation.ended:
        return operation
    instances.locked(connection, Scope.EVERY_PROJECT, operation.instance_id)
    return operations.get(connection, operation_id)
