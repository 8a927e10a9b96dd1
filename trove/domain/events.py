"""What may happen to an instance that a person is told of: a closed list of words, each with its meaning."""

import enum


class EventKind(enum.Enum):
    OPERATION_ASKED = "operation.asked"
    OPERATION_STEP = "operation.step"
    OPERATION_PROGRESS = "operation.progress"
    OPERATION_RETRYING = "operation.retrying"
    OPERATION_LATE = "operation.late"
    OPERATION_DONE = "operation.done"
    OPERATION_FAILED = "operation.failed"
    OPERATION_CANCELLED = "operation.cancelled"
    STATUS = "instance.status"
    OPERATING_STATUS = "instance.operating_status"
    SERVER_RESTARTED = "server.restarted"
    AGENT_APPEARED = "agent.appeared"
    AGENT_LOST = "agent.lost"
    DRIFT_SEEN = "drift.seen"
    DRIFT_REPAIRED = "drift.repaired"
    GUEST_REFUSED = "guest.refused"
    HOST_LOST = "host.lost"
    HOST_BACK = "host.back"


MEANINGS: dict[EventKind, str] = {
    EventKind.OPERATION_ASKED: "somebody asked for a creation, a restart, a deletion or another agent",
    EventKind.OPERATION_STEP: "a step begins; told once, also when the control plane dies in the middle of it",
    EventKind.OPERATION_PROGRESS: "a step has got on to something else",
    EventKind.OPERATION_RETRYING: "a step failed and is tried again; told once for failures alike in a row",
    EventKind.OPERATION_LATE: "the time for a step is over",
    EventKind.OPERATION_DONE: "what was asked for is done",
    EventKind.OPERATION_FAILED: "it cannot be done; the sentence says why and what to do",
    EventKind.OPERATION_CANCELLED: "it was called off",
    EventKind.STATUS: "`status` is another one",
    EventKind.OPERATING_STATUS: "`operating_status` is another one, with nothing under way",
    EventKind.SERVER_RESTARTED: "the server runs anew and nobody asked for it: it had died, or somebody stopped it",
    EventKind.AGENT_APPEARED: "an agent was started, or is heard again",
    EventKind.AGENT_LOST: "nothing was heard from an agent for too long; the server may well run",
    EventKind.DRIFT_SEEN: "something was changed behind Trove's back",
    EventKind.DRIFT_REPAIRED: "what was changed behind Trove's back is as it should be again",
    EventKind.HOST_LOST: "the host that carries the instance cannot be reached, or is not well",
    EventKind.HOST_BACK: "the host that carries the instance is well again, or was started anew",
    EventKind.GUEST_REFUSED: "a report in an agent's name was not taken; told once an hour for each reason",
}
