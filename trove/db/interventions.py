"""What a person does about an operation: has what failed done again, or calls off what is under way."""

import uuid

from sqlalchemy import Connection

from common.errors import Conflict
from trove.domain.kinds import KINDS, Kind
from trove.domain.states import Event, Task

from . import guests, instances, operations
from .views import Operation, Project


def retry(connection: Connection, project: Project, operation_id: str, request_id: str) -> Operation:
    """A new operation, which does what is missing of the old one. Raises NotFound or Conflict."""
    old, task = _held(connection, project, operation_id)
    kind = KINDS[old.kind]
    if old.state not in ("failed", "cancelled"):
        raise Conflict(f"There is nothing to retry: the operation ({kind.name}) is {old.state}.")
    _require_failed(kind, task)
    if kind.during is Task.BUILDING and not guests.has_order(connection, old.instance_id):
        raise Conflict("What the instance was to have is not known any more.", "Delete it and create another one.")
    instances.move(connection, old.instance_id, task, kind.again)
    instances.clear_fault(connection, old.instance_id)
    new = str(uuid.uuid4())
    operations.insert(connection, new, old.instance_id, old.project_id, kind.name, request_id, old.release)
    return operations.get(connection, new)


def cancel(connection: Connection, project: Project, operation_id: str, by: str) -> Operation:
    """As it is then: what runs ends soon. Asked again, it is the same. Raises NotFound or Conflict."""
    operation, task = _held(connection, project, operation_id)
    kind = KINDS[operation.kind]
    if operation.ended:
        raise Conflict(f"There is nothing to cancel: the operation ({kind.name}) has ended as {operation.state}.")
    if kind.during is Task.DELETING:
        raise Conflict("A deletion cannot be called off: what is half removed is of no use.", "Wait for it to end.")
    if not operation.cancel_asked:
        edge = instances.move(connection, operation.instance_id, task, Event.CANCEL_ASKED)
        operations.call_off(connection, operation.instance_id)
        _explain(connection, operation, edge.target, by)
    return operations.get(connection, operation_id)


def _held(connection: Connection, project: Project, operation_id: str) -> tuple[Operation, Task]:
    """The operation, and where its instance is, which nobody else changes before this transaction ends.

    Raises NotFound.
    """
    instance_id = operations.get(connection, operation_id, project).instance_id
    if not instances.exists(connection, instance_id):
        return operations.get(connection, operation_id), Task.DELETED
    task = Task(instances.locked(connection, project, instance_id).task)
    return operations.get(connection, operation_id), task


def _require_failed(kind: Kind, task: Task) -> None:
    if task is not kind.failed:
        words = "at rest" if task is Task.NONE else task.value.replace("_", " ")
        raise Conflict(f"There is nothing to retry: the instance is {words}.", "Its newest operations tell why.")


def _explain(connection: Connection, operation: Operation, target: Task, by: str) -> None:
    if target is Task.NONE:
        instances.clear_fault(connection, operation.instance_id)
        return
    message = f"User {by} called the creation off. Delete the instance, or retry operation {operation.id}."
    details = f"{operation.kind}, step {operation.step or 'none'}: cancelled (request {operation.request_id})"
    instances.set_fault(connection, operation.instance_id, message, details)
