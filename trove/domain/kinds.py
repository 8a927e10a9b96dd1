"""The kinds of operation: where each finds its instance, and which edges of the state table its ends take."""

from dataclasses import dataclass

from common.states import Event, Task


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    during: Task
    done: Event
    broke: Event
    sentence: str


KINDS = {
    kind.name: kind for kind in (
        Kind("create", Task.BUILDING, Event.BUILT, Event.BUILD_BROKE, "The instance serves."),
        Kind("restart", Task.RESTARTING, Event.RESTARTED, Event.RESTART_BROKE, "The database server restarted."),
        Kind("delete", Task.DELETING, Event.REMOVED, Event.DELETE_BROKE, "Nothing is left of the instance."),
    )
}
