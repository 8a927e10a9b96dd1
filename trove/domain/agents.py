"""How the agent of an instance stands to the release that new instances get."""

import enum

from .states import HEARTBEAT_EXPIRY, Task


class AgentState(enum.Enum):
    CURRENT = "current"
    BEHIND = "behind"
    UPGRADING = "upgrading"
    SILENT = "silent"


def state(task: Task, release: str | None, present: str, age: float | None) -> AgentState:
    """``release`` is what it says that it runs from; ``age`` of its last report in seconds, None when there was none.
    """
    if task is Task.UPGRADING:
        return AgentState.UPGRADING
    if age is None or age > HEARTBEAT_EXPIRY:
        return AgentState.SILENT
    return AgentState.CURRENT if release == present else AgentState.BEHIND
