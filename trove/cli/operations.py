"""``trovectl operation``: what was done to instances and how far it is."""

from typing import Annotated

import typer

from . import progress, waiting
from .rest import Json, is_id, part
from .session import Session, command, instance_names

MOST = 20
OperationId = Annotated[str, typer.Argument(metavar="OPERATION", help="Id of an operation.")]


def register(group: typer.Typer) -> None:
    for name, function in (("list", list_newest), ("show", show), ("retry", retry), ("cancel", cancel)):
        command(group, name)(function)


def list_newest(
    session: Session,
    instance: Annotated[str | None, typer.Option(
        metavar="INSTANCE", help="Only those of this one, by name; by id where it is deleted.",
        autocompletion=instance_names)] = None,
    only: Annotated[str | None, typer.Option(
        metavar="STATE", help="Only those that are asked, running, done, failed or cancelled.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only those that create, restart or delete.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = MOST,
) -> None:
    """Lists operations, the newest first; those of deleted instances too."""
    path = f"/instances/{part(_instance_id(session, instance))}/operations" if instance else "/operations"
    rows = session.client.every(path, "operations", limit, state=only, kind=kind)
    session.output.document({"operations": rows})
    session.output.rows(("ID", "INSTANCE", "KIND", "STATE", "STEP", "PROGRESS", "SENTENCE"),
                        [(row["id"], row["instance_id"], row["kind"], row["state"], row["step"], _percent(row),
                          row["sentence"]) for row in rows])


def show(session: Session, operation: OperationId) -> None:
    """Shows one operation: its step, how far that is, and what went wrong."""
    _print(session, session.client.get(f"/operations/{part(operation)}")["operation"])


def retry(
    session: Session,
    operation: OperationId,
    wait: Annotated[bool, typer.Option("--wait", help="Return when it is done, and show each step meanwhile.")] = False,
    timeout: Annotated[float, typer.Option(
        "--timeout", min=1, metavar="SECONDS", help="How long --wait waits.")] = waiting.PATIENCE,
) -> None:
    """Does what is missing of a failed operation, as a new one. Mend its cause first."""
    again: Json = session.client.post(f"/operations/{part(operation)}", {"retry": {}})["operation"]
    if wait:
        _await(session, again, timeout)
        again = session.client.get(f"/operations/{again['id']}")["operation"]
    _print(session, again)


def cancel(session: Session, operation: OperationId) -> None:
    """Calls off what is under way: a creation ends in ERROR, a restart leaves the instance as it is."""
    _print(session, session.client.post(f"/operations/{part(operation)}", {"cancel": {}})["operation"])


def _await(session: Session, operation: Json, patience: float) -> None:
    instance = {"id": operation["instance_id"], "name": operation["instance_id"]}
    with progress.Steps() as steps:
        watch = waiting.Watch(session.client, instance, steps.tell, patience)
        if operation["kind"] == "delete":
            watch.gone()
        else:
            watch.healthy()


def _instance_id(session: Session, name: str) -> str:
    return name if is_id(name) else str(session.find(name)["id"])


def _print(session: Session, shown: Json) -> None:
    error = shown["last_error"] or {}
    fields = [
        ("id", shown["id"]), ("instance", shown["instance_id"]), ("kind", shown["kind"]), ("state", shown["state"]),
        ("created", shown["created"]), ("updated", shown["updated"]), ("step", shown["step"]),
        ("since", shown["since"]), ("sentence", shown["sentence"]), ("progress", _percent(shown)),
        ("deadline", shown["deadline"]), ("last error", error.get("message")), ("remedy", error.get("hint")),
        ("next try", shown["next_try"]),
    ]
    session.output.document({"operation": shown})
    session.output.rows(("FIELD", "VALUE"), [(field, value) for field, value in fields if value not in (None, "")])


def _percent(row: Json) -> str:
    return "" if row["progress"] is None else f"{row['progress']:.0f} %"
