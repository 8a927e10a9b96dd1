"""Waiting for an instance: it is looked at whenever something has happened to it, and every second besides."""

import time
from collections.abc import Callable
from typing import Protocol

from common.errors import DeadlinePassed, EngineFailed, NotFound, Unreachable

from .following import Api, Follower
from .rest import Json

PATIENCE = 600.0
"""Seconds that somebody waits who says nothing else."""

LOOK_AGAIN = 1.0
"""Seconds between two looks while nothing happens: how far a step is, is no event."""

EARLIEST = 0.25
"""Seconds between two looks when the API cannot let us wait."""

SILENCE = 60.0
"""Seconds for which the control plane may be away meanwhile: what is under way goes on when it is back."""

_SERVES = ("ACTIVE HEALTHY", "RESTART_REQUIRED HEALTHY")
"""``status`` and ``operating_status`` of a server that answers; one with settings that wait does so, too."""

_STEPS = ("operation.step", "operation.progress", "operation.retrying")


class Told(Protocol):
    """Who is told of each step; ``progress.Steps`` is one."""

    def __call__(self, step: str, sentence: str, percent: float | None = None) -> None: ...


class Watch:
    """One instance under somebody's eyes; ``tell`` is given every step of the newest operation as it comes."""

    def __init__(self, api: Api, instance: Json, tell: Told, patience: float = PATIENCE) -> None:
        self._api = api
        self._id, self._name = str(instance["id"]), str(instance["name"])
        self._tell = tell
        self._patience = patience
        self._follower = Follower(lambda: api, self._id)
        self._operation: Json = {}
        self._step = ""

    def healthy(self) -> Json:
        """The instance as soon as it serves. Raises EngineFailed with its fault, NotFound, DeadlinePassed."""
        shown = self._until(lambda shown: shown is None or _state(shown) in _SERVES, "serve")
        if shown is None:
            raise NotFound(f"The instance {self._name} was deleted meanwhile.")
        return shown

    def ended(self) -> Json:
        """The newest operation, when it has ended. Raises EngineFailed for one that failed."""
        self._until(lambda shown: self._operation.get("state") not in ("asked", "running"), "come to rest")
        if self._operation.get("state") == "failed":
            error = self._operation["last_error"] or {}
            raise EngineFailed(str(error.get("message", self._operation["sentence"])), str(error.get("hint", "")))
        return self._operation

    def gone(self) -> None:
        """Raises EngineFailed with the fault of a removal that failed, DeadlinePassed."""
        self._until(lambda shown: shown is None, "go away")

    def _until(self, reached: Callable[[Json | None], bool], what: str) -> Json | None:
        heard = time.monotonic()
        until = heard + self._patience
        while (now := time.monotonic()) < until:
            try:
                shown = self._look()
                if reached(shown):
                    return shown
                self._follow(min(LOOK_AGAIN, until - now))
                heard = now
            except Unreachable:
                if now - heard > SILENCE:
                    raise
                self._tell("", "The control plane does not answer; it is asked again.")
                time.sleep(EARLIEST)
        raise DeadlinePassed(f"The instance {self._name} does not {what} within {self._patience:.0f} seconds; what is "
                             "under way goes on.", f"See: trovectl instance show {self._id}.")

    def _look(self) -> Json | None:
        """The instance, None when it is gone, once its steps are told. Raises EngineFailed for one that is in ERROR."""
        try:
            shown: Json | None = self._api.get(f"/instances/{self._id}")["instance"]
        except NotFound:
            shown = None
        self._operation = self._newest()
        self._follow(0.0)
        if shown is None:
            return None
        if shown["status"] == "ERROR":
            fault = (shown.get("fault") or {}).get("message", "It does not say why.")
            raise EngineFailed(f"The instance {self._name} is in ERROR: {fault}",
                               f"Look at it: trovectl instance show {self._id}; "
                               f"or delete it: trovectl instance delete {self._id}.")
        if self._operation.get("state") in ("asked", "running"):
            self._tell(self._operation["step"] or "", self._operation["sentence"], self._operation["progress"])
        else:
            self._tell(shown["status"], f"The instance {self._name} is {_state(shown)}.")
        return shown

    def _newest(self) -> Json:
        """Its newest operation; nothing for an instance that is not known."""
        try:
            listed = self._api.get(f"/instances/{self._id}/operations", limit="1")["operations"]
        except NotFound:
            return {}
        return listed[0] if listed else {}

    def _follow(self, wait: float) -> None:
        """Tells the steps that have begun since, at the latest after ``wait`` seconds."""
        began = time.monotonic()
        events = self._follower.ask(wait)
        for event in events:
            if event["kind"] in _STEPS and event["operation_id"] == self._operation.get("id"):
                self._step = event["step"] or self._step
                self._tell(self._step, event["sentence"])
        if wait and not events and time.monotonic() - began < EARLIEST:
            time.sleep(EARLIEST)


def _state(shown: Json) -> str:
    return f"{shown['status']} {shown.get('operating_status', '')}".strip()
