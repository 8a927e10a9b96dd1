"""The life of an instance as a table, and the two words that REST shows for it as pure functions.

``Task`` is the desired side (one writer: ``EDGES`` through ``step``); the observed side is the last heartbeat's
``ServiceStatus`` and its age. Words and rules: OpenStack Trove's REST reference, "Instance state".
"""

import enum
from dataclasses import dataclass

from common.contract.types import ServiceStatus
from common.errors import Conflict

HEARTBEAT_EXPIRY = 90.0
"""Seconds after which an observation is too old to be believed (upstream's ``agent_heartbeat_expiry``)."""


class Task(enum.Enum):
    """What the control plane is doing with an instance."""

    BUILDING = "building"
    NONE = "none"
    RESTARTING = "restarting"
    UPGRADING = "upgrading"
    CONFIGURING = "configuring"
    STOPPING = "stopping"
    ROTATING = "rotating"
    DELETING = "deleting"
    BUILD_FAILED = "build_failed"
    RESTART_FAILED = "restart_failed"
    DELETE_FAILED = "delete_failed"
    DELETED = "deleted"


class Event(enum.Enum):
    BUILD_ASKED = "build_asked"
    BUILT = "built"
    BUILD_BROKE = "build_broke"
    RESTART_ASKED = "restart_asked"
    RESTARTED = "restarted"
    RESTART_BROKE = "restart_broke"
    RESTART_ROLLED_BACK = "restart_rolled_back"
    UPGRADE_ASKED = "upgrade_asked"
    UPGRADED = "upgraded"
    UPGRADE_BROKE = "upgrade_broke"
    CONFIGURE_ASKED = "configure_asked"
    CONFIGURED = "configured"
    CONFIGURE_BROKE = "configure_broke"
    STOP_ASKED = "stop_asked"
    STOPPED = "stopped"
    STOP_BROKE = "stop_broke"
    ROTATE_ASKED = "rotate_asked"
    ROTATED = "rotated"
    ROTATE_BROKE = "rotate_broke"
    DELETE_ASKED = "delete_asked"
    REMOVED = "removed"
    DELETE_BROKE = "delete_broke"
    RESET_ASKED = "reset_asked"
    CANCEL_ASKED = "cancel_asked"


@dataclass(frozen=True, slots=True)
class Edge:
    source: Task
    event: Event
    target: Task
    sentence: str


EDGES: tuple[Edge, ...] = (
    Edge(Task.BUILDING, Event.BUILT, Task.NONE, "The server accepts connections and has what was asked for."),
    Edge(Task.BUILDING, Event.BUILD_BROKE, Task.BUILD_FAILED, "The creation failed; the fault says why."),
    Edge(Task.BUILDING, Event.DELETE_ASKED, Task.DELETING, "The creation is called off and undone."),
    Edge(Task.BUILDING, Event.RESET_ASKED, Task.BUILD_FAILED, "The creation is called off; what exists stays."),
    Edge(Task.BUILDING, Event.CANCEL_ASKED, Task.BUILD_FAILED, "Somebody calls the creation off; what exists stays."),
    Edge(Task.NONE, Event.RESTART_ASKED, Task.RESTARTING, "The database server is to restart."),
    Edge(Task.NONE, Event.DELETE_ASKED, Task.DELETING, "The instance is to be removed."),
    Edge(Task.NONE, Event.RESET_ASKED, Task.NONE, "Nothing was under way."),
    Edge(Task.RESTARTING, Event.RESTARTED, Task.NONE, "The database server restarted."),
    Edge(Task.RESTARTING, Event.RESTART_BROKE, Task.RESTART_FAILED, "The restart failed; the fault says why."),
    Edge(Task.RESTARTING, Event.RESTART_ROLLED_BACK, Task.NONE,
         "The server serves with the settings that it had; the fault says why."),
    Edge(Task.RESTARTING, Event.DELETE_ASKED, Task.DELETING, "The restart is called off; the instance is to go."),
    Edge(Task.RESTARTING, Event.RESET_ASKED, Task.NONE, "The restart is called off."),
    Edge(Task.RESTARTING, Event.CANCEL_ASKED, Task.NONE, "Somebody calls the restart off."),
    Edge(Task.NONE, Event.UPGRADE_ASKED, Task.UPGRADING, "The agent is to be upgraded; the server goes on."),
    Edge(Task.UPGRADING, Event.UPGRADED, Task.NONE, "The agent runs from the new release."),
    Edge(Task.UPGRADING, Event.UPGRADE_BROKE, Task.NONE, "The agent goes on from its release; the operation says why."),
    Edge(Task.UPGRADING, Event.DELETE_ASKED, Task.DELETING, "The upgrade is called off; the instance is to go."),
    Edge(Task.UPGRADING, Event.RESET_ASKED, Task.NONE, "The upgrade is not waited for any more."),
    Edge(Task.UPGRADING, Event.CANCEL_ASKED, Task.NONE, "Somebody no longer waits for the upgrade."),
    Edge(Task.NONE, Event.CONFIGURE_ASKED, Task.CONFIGURING, "The server is to get other settings."),
    Edge(Task.CONFIGURING, Event.CONFIGURED, Task.NONE, "The server has its settings, or waits for a restart."),
    Edge(Task.CONFIGURING, Event.CONFIGURE_BROKE, Task.NONE, "The server keeps its settings; the operation says why."),
    Edge(Task.CONFIGURING, Event.DELETE_ASKED, Task.DELETING, "The change is called off; the instance is to go."),
    Edge(Task.CONFIGURING, Event.RESET_ASKED, Task.NONE, "The change of settings is not waited for any more."),
    Edge(Task.CONFIGURING, Event.CANCEL_ASKED, Task.NONE, "Somebody calls the change of settings off."),
    Edge(Task.NONE, Event.STOP_ASKED, Task.STOPPING, "The database server is to stop, and to stay down."),
    Edge(Task.STOPPING, Event.STOPPED, Task.NONE, "The database server is down until somebody restarts it."),
    Edge(Task.STOPPING, Event.STOP_BROKE, Task.NONE, "The server was not stopped; the operation says why."),
    Edge(Task.STOPPING, Event.DELETE_ASKED, Task.DELETING, "The stop is called off; the instance is to go."),
    Edge(Task.STOPPING, Event.RESET_ASKED, Task.NONE, "The stop is not waited for any more."),
    Edge(Task.STOPPING, Event.CANCEL_ASKED, Task.NONE, "Somebody no longer waits for the stop."),
    Edge(Task.RESTART_FAILED, Event.STOP_ASKED, Task.STOPPING, "The database server is to stop, and to stay down."),
    Edge(Task.NONE, Event.ROTATE_ASKED, Task.ROTATING, "The agent is to get new keys; the server goes on."),
    Edge(Task.ROTATING, Event.ROTATED, Task.NONE, "The agent has new keys; the former ones open nothing."),
    Edge(Task.ROTATING, Event.ROTATE_BROKE, Task.NONE, "Old and new keys are valid; the operation says why."),
    Edge(Task.ROTATING, Event.DELETE_ASKED, Task.DELETING, "The change is called off; the instance is to go."),
    Edge(Task.ROTATING, Event.RESET_ASKED, Task.NONE, "The change of keys is not waited for any more."),
    Edge(Task.ROTATING, Event.CANCEL_ASKED, Task.NONE, "Somebody calls the change of keys off; the next one ends it."),
    Edge(Task.RESTART_FAILED, Event.CONFIGURE_ASKED, Task.CONFIGURING, "The server is to get other settings."),
    Edge(Task.RESTART_FAILED, Event.RESTART_ASKED, Task.RESTARTING, "The restart is tried again."),
    Edge(Task.RESTART_FAILED, Event.DELETE_ASKED, Task.DELETING, "The instance is to be removed."),
    Edge(Task.RESTART_FAILED, Event.RESET_ASKED, Task.NONE, "The failed restart is put aside."),
    Edge(Task.BUILD_FAILED, Event.BUILD_ASKED, Task.BUILDING, "The creation is tried again, with what exists."),
    Edge(Task.BUILD_FAILED, Event.DELETE_ASKED, Task.DELETING, "What was built is to be removed."),
    Edge(Task.BUILD_FAILED, Event.RESET_ASKED, Task.BUILD_FAILED, "A failed creation is retried or deleted."),
    Edge(Task.DELETING, Event.REMOVED, Task.DELETED, "Nothing is left of the instance."),
    Edge(Task.DELETING, Event.DELETE_BROKE, Task.DELETE_FAILED, "The removal failed; the fault says why."),
    Edge(Task.DELETING, Event.DELETE_ASKED, Task.DELETING, "The removal is under way already."),
    Edge(Task.DELETING, Event.RESET_ASKED, Task.DELETE_FAILED, "The removal is called off; ask again to finish it."),
    Edge(Task.DELETE_FAILED, Event.DELETE_ASKED, Task.DELETING, "The removal is tried again."),
    Edge(Task.DELETE_FAILED, Event.RESET_ASKED, Task.DELETE_FAILED, "What is half removed cannot be used; delete it."),
)

_BY_SOURCE = {(edge.source, edge.event): edge for edge in EDGES}

_STANDING = {
    Task.BUILDING: ("is being created", "Wait until it is ACTIVE, or call the creation off."),
    Task.NONE: ("is not being changed", "Its operations tell what was done to it."),
    Task.RESTARTING: ("is restarting", "Wait until it is ACTIVE, or call the restart off."),
    Task.UPGRADING: ("gets another agent", "Wait until its operation has ended; the server goes on."),
    Task.CONFIGURING: ("gets other settings", "Wait until its operation has ended, which takes seconds."),
    Task.STOPPING: ("is being stopped", "Wait until its operation has ended."),
    Task.ROTATING: ("gets new keys", "Wait until its operation has ended; the server goes on."),
    Task.DELETING: ("is being deleted", "Wait until it is gone."),
    Task.BUILD_FAILED: ("was not created completely", "Retry its creation, or delete it."),
    Task.RESTART_FAILED: ("failed to restart", "Restart it again, or delete it."),
    Task.DELETE_FAILED: ("is half deleted", "Delete it again."),
    Task.DELETED: ("is deleted", "Create another one."),
}
_CANNOT = {Event.RESTART_ASKED: "it cannot be restarted", Event.UPGRADE_ASKED: "its agent cannot be upgraded",
           Event.CONFIGURE_ASKED: "its settings cannot be changed", Event.STOP_ASKED: "it cannot be stopped",
           Event.ROTATE_ASKED: "its keys cannot be changed", Event.CANCEL_ASKED: "there is nothing to call off"}

_STATUS = {
    Task.BUILDING: "BUILD",
    Task.NONE: "ACTIVE",
    Task.RESTARTING: "REBOOT",
    Task.UPGRADING: "ACTIVE",
    Task.CONFIGURING: "ACTIVE",
    Task.STOPPING: "ACTIVE",
    Task.ROTATING: "ACTIVE",
    Task.DELETING: "SHUTDOWN",
    Task.BUILD_FAILED: "ERROR",
    Task.RESTART_FAILED: "ERROR",
    Task.DELETE_FAILED: "ERROR",
    Task.DELETED: "SHUTDOWN",
}

_OPERATING_STATUS = {
    ServiceStatus.NEW: "NEW",
    ServiceStatus.BUILDING: "BUILD",
    ServiceStatus.RUNNING: "ACTIVE",
    ServiceStatus.HEALTHY: "HEALTHY",
    ServiceStatus.BLOCKED: "BLOCKED",
    ServiceStatus.SHUTDOWN: "SHUTDOWN",
    ServiceStatus.CRASHED: "SHUTDOWN",
    ServiceStatus.FAILED: "FAILED",
    ServiceStatus.RESTARTING: "RESTARTING",
    ServiceStatus.UNKNOWN: "ERROR",
}


def step(source: Task, event: Event) -> Edge:
    """The edge from ``source`` on ``event``. Raises Conflict where the table has none."""
    edge = _BY_SOURCE.get((source, event))
    if edge is None:
        standing, remedy = _STANDING[source]
        raise Conflict(f"The instance {standing}: {_CANNOT.get(event, 'this cannot be done')} now.", remedy)
    return edge


def can(source: Task, event: Event) -> bool:
    """Whether the table has an edge from ``source`` on ``event``."""
    return (source, event) in _BY_SOURCE


def status(task: Task, *, waiting: bool = False) -> str:
    """REST's ``status``; ``waiting``: whether the server gets some of its settings at its next start."""
    return "RESTART_REQUIRED" if waiting and task is Task.NONE else _STATUS[task]


def operating_status(task: Task, observed: ServiceStatus, age: float | None) -> str:
    """REST's ``operating_status``; ``age`` of the observation in seconds, None when there was none."""
    if task not in (Task.NONE, Task.UPGRADING, Task.CONFIGURING, Task.STOPPING, Task.ROTATING):
        return ""
    if age is None or age > HEARTBEAT_EXPIRY:
        return "ERROR"
    return _OPERATING_STATUS[observed]


def serves(task: Task, observed: ServiceStatus, age: float | None) -> bool:
    """Whether short orders (users, databases) make sense now: nothing under way and the server answers."""
    return operating_status(task, observed, age) in ("ACTIVE", "HEALTHY")
