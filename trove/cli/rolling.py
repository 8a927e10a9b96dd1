"""The same action on many instances, some at the same time; it stops after the first batch with a failure."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from common.errors import DeadlinePassed, Invalid, TroveError, Unreachable

from . import progress, waiting
from .output import Output
from .rest import Client, Json

BATCH = 5


@dataclass(frozen=True, slots=True)
class Action:
    """``body`` is what REST takes, ``kind`` its operation's. ``did`` is a past participle, for documents and sentences;
    ``meanwhile`` says how it stands with those on which it failed.
    """

    body: Mapping[str, Json]
    kind: str
    did: str
    meanwhile: str


@dataclass
class _UnderWay:
    instance: Json
    operation: Json


def roll_out(client: Client, printed: Output, action: Action, chosen: Sequence[Json], batch: int,
             patience: float) -> list[Json]:
    """Asks for it on the instances ``chosen``, ``batch`` at the same time; what came of each.

    Raises Invalid after the first batch with a failure, and DeadlinePassed; ``printed`` keeps what was done by then.
    """
    done: list[Json] = []
    failed: list[Json] = []
    for first in range(0, len(chosen), batch):
        for ended in _act(client, action, chosen[first:first + batch], patience):
            (failed if ended["error"] else done).append(ended)
        if failed:
            break
    left = [each["name"] for each in chosen[len(done) + len(failed):]]
    printed.keep(**{action.did: done, "failed": failed, "left": left})
    if failed:
        raise _stopped(action, done, failed, left)
    return done


def _act(client: Client, action: Action, instances: Sequence[Json], patience: float) -> Iterator[Json]:
    """Asks for all of them at the same time; each as it ends, with its error or None."""
    under_way = []
    for instance in instances:
        try:
            under_way.append(_UnderWay(instance, _ask(client, action, instance)))
        except Unreachable:
            raise
        except TroveError as refused:
            yield _ended(instance, refused.sentence())
    until = time.monotonic() + patience
    with progress.Steps() as steps:
        while under_way:
            for each in tuple(under_way):
                each.operation = _look(client, each)
                steps.tell(each.operation["id"], f"{each.instance['name']}: {each.operation['sentence']}")
                if each.operation["state"] not in ("asked", "running"):
                    under_way.remove(each)
                    yield _ended(each.instance, _error(each.operation))
            if under_way and time.monotonic() > until:
                raise DeadlinePassed(f"{len(under_way)} operations have not ended within {patience:.0f} seconds; they "
                                     "go on.", f"See: trovectl operation list --kind {action.kind}.")
            time.sleep(waiting.EARLIEST if under_way else 0)


def _ask(client: Client, action: Action, instance: Json) -> Json:
    client.post(f"/instances/{instance['id']}/action", dict(action.body))
    asked = client.get(f"/instances/{instance['id']}/operations", kind=action.kind, limit="1")
    operation: Json = asked["operations"][0]
    return operation


def _look(client: Client, each: _UnderWay) -> Json:
    """As it stood, while the control plane is away."""
    try:
        operation: Json = client.get(f"/operations/{each.operation['id']}")["operation"]
    except Unreachable:
        return each.operation
    return operation


def _error(operation: Json) -> str | None:
    if operation["state"] == "done":
        return None
    return str((operation["last_error"] or {}).get("message") or operation["sentence"])


def _ended(instance: Json, error: str | None) -> Json:
    return {"id": instance["id"], "name": instance["name"], "error": error}


def _stopped(action: Action, done: Sequence[Json], failed: Sequence[Json], left: Sequence[str]) -> Invalid:
    why = " ".join(f"{each['name']}: {each['error']}" for each in failed)
    rest = f" Not begun: {', '.join(left)}." if left else ""
    return Invalid(f"{len(done)} agents were {action.did}, {len(failed)} were not. {why}{rest}", action.meanwhile)
