"""Waiting for an instance. REST has no event to wait for, so it is looked at again and again."""

import time
from collections.abc import Callable
from typing import Protocol

from common.errors import DeadlinePassed, EngineFailed, NotFound, Unreachable

from .rest import Json

PATIENCE = 600.0
"""Seconds that somebody waits who says nothing else."""

LOOK_EVERY = 0.25
SILENCE = 60.0
"""Seconds for which the control plane may be away meanwhile: what is under way goes on when it is back."""


class Api(Protocol):
    """What ``rest.Client`` is to whoever waits."""

    def get(self, path: str) -> Json: ...


class Told(Protocol):
    """Who is told of each step; ``progress.Steps`` is one."""

    def __call__(self, step: str, sentence: str, percent: float | None = None) -> None: ...


class Watch:
    """One instance under somebody's eyes; ``tell`` is given its steps as they come."""

    def __init__(self, api: Api, instance: Json, tell: Told, patience: float = PATIENCE) -> None:
        self._api = api
        self._id, self._name = str(instance["id"]), str(instance["name"])
        self._tell = tell
        self._patience = patience
        self._has_operations = True

    def healthy(self) -> Json:
        """The instance as soon as it serves. Raises EngineFailed with its fault, NotFound, DeadlinePassed."""
        shown = self._until(lambda shown: shown is None or _state(shown) == "ACTIVE HEALTHY", "serve")
        if shown is None:
            raise NotFound(f"The instance {self._name} was deleted meanwhile.")
        return shown

    def gone(self) -> None:
        """Raises EngineFailed with the fault of a removal that failed, DeadlinePassed."""
        self._until(lambda shown: shown is None, "go away")

    def _until(self, reached: Callable[[Json | None], bool], what: str) -> Json | None:
        heard = time.monotonic()
        until = heard + self._patience
        while (now := time.monotonic()) < until:
            try:
                shown = self._look()
            except Unreachable:
                if now - heard > SILENCE:
                    raise
                self._tell("", "The control plane does not answer; it is asked again.")
            else:
                heard = now
                if reached(shown):
                    return shown
            time.sleep(LOOK_EVERY)
        raise DeadlinePassed(f"The instance {self._name} does not {what} within {self._patience:.0f} seconds; what is "
                             "under way goes on.", f"See: trovectl instance show {self._id}.")

    def _look(self) -> Json | None:
        """The instance, None when it is gone. Raises EngineFailed for one that is in ERROR."""
        try:
            shown: Json = self._api.get(f"/instances/{self._id}")["instance"]
        except NotFound:
            return None
        if shown["status"] == "ERROR":
            fault = (shown.get("fault") or {}).get("message", "It does not say why.")
            raise EngineFailed(f"The instance {self._name} is in ERROR: {fault}",
                               f"Look at it: trovectl instance show {self._id}; "
                               f"or delete it: trovectl instance delete {self._id}.")
        if not self._tell_operation():
            self._tell(shown["status"], f"The instance {self._name} is {_state(shown)}.")
        return shown

    def _tell_operation(self) -> bool:
        """Tells the step of what is under way; False when nothing is or the API does not say."""
        if not self._has_operations:
            return False
        try:
            listed = self._api.get(f"/instances/{self._id}/operations")["operations"]
        except NotFound:
            self._has_operations = False
            return False
        newest = listed[0] if listed else None
        if newest is None or newest["state"] not in ("asked", "running"):
            return False
        self._tell(newest["step"] or "", newest["sentence"], newest.get("progress"))
        return True


def _state(shown: Json) -> str:
    return f"{shown['status']} {shown.get('operating_status', '')}".strip()
