"""The kinds of operation: where each finds its instance, and which edges of the state table its ends take."""

from dataclasses import dataclass

from .states import Event, Task, step


@dataclass(frozen=True, slots=True)
class Kind:
    """``again`` is the edge from where a failure left the instance. ``undone`` is the one of an order that its guest
    called invalid, where that leaves the server serving as before."""

    name: str
    during: Task
    done: Event
    broke: Event
    again: Event
    asked: str
    sentence: str
    undone: Event | None = None

    @property
    def failed(self) -> Task:
        """Where a failure leaves the instance."""
        return step(self.during, self.broke).target


KINDS = {
    kind.name: kind for kind in (
        Kind("create", Task.BUILDING, Event.BUILT, Event.BUILD_BROKE, Event.BUILD_ASKED, "A creation is asked for.",
             "The instance serves."),
        Kind("restart", Task.RESTARTING, Event.RESTARTED, Event.RESTART_BROKE, Event.RESTART_ASKED,
             "A restart is asked for.", "The database server restarted.", undone=Event.RESTART_ROLLED_BACK),
        Kind("reboot", Task.RESTARTING, Event.RESTARTED, Event.RESTART_BROKE, Event.RESTART_ASKED,
             "A reboot is asked for.", "The place was put right, and the database server restarted.",
             undone=Event.RESTART_ROLLED_BACK),
        Kind("stop", Task.STOPPING, Event.STOPPED, Event.STOP_BROKE, Event.STOP_ASKED, "A stop is asked for.",
             "The database server is down until somebody restarts it."),
        Kind("upgrade", Task.UPGRADING, Event.UPGRADED, Event.UPGRADE_BROKE, Event.UPGRADE_ASKED,
             "An upgrade of the agent is asked for.", "The agent runs from the new release."),
        Kind("configure", Task.CONFIGURING, Event.CONFIGURED, Event.CONFIGURE_BROKE, Event.CONFIGURE_ASKED,
             "A change of settings is asked for.", "The server has its settings, or waits for a restart."),
        Kind("rotate_keys", Task.ROTATING, Event.ROTATED, Event.ROTATE_BROKE, Event.ROTATE_ASKED,
             "A change of the agent's keys is asked for.", "The agent has new keys; the former ones open nothing."),
        Kind("delete", Task.DELETING, Event.REMOVED, Event.DELETE_BROKE, Event.DELETE_ASKED,
             "A deletion is asked for.", "Nothing is left of the instance."),
    )
}
