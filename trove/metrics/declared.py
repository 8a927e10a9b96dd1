"""Every metric of the control plane, once. ``docs/reference/metrics.md`` is drawn from here.

Names and suffixes follow OpenMetrics: a counter is shown with ``_total``, an info with ``_info``, units are seconds.
"""

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


class Origin(enum.Enum):
    """Where a figure comes from, and so how long it lives."""

    STORE = "the store, read when asked for"
    PROCESS = "this process, since its start"


@dataclass(frozen=True, slots=True)
class Metric:
    """``labels`` in the order in which values are given; ``buckets`` are a histogram's upper bounds."""

    name: str
    kind: Kind
    origin: Origin
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


BUILD = Metric("trove_build", Kind.INFO, Origin.PROCESS, "The build that runs, and the contract that it speaks.",
               ("build", "contract"))

INSTANCES = Metric("trove_instances", Kind.GAUGE, Origin.STORE,
                   "Living instances by the two words that REST shows; operating_status is none while work is under "
                   "way.", ("status", "operating_status"))
HEARTBEAT_OLDEST = Metric("trove_heartbeat_oldest_seconds", Kind.GAUGE, Origin.STORE,
                          "Age of the oldest last heartbeat among instances that should report.")
HEARTBEATS_STALE = Metric("trove_heartbeats_stale", Kind.GAUGE, Origin.STORE,
                          "Instances that should report and whose last heartbeat is too old to be believed.")

HOSTS = Metric("trove_hosts", Kind.GAUGE, Origin.STORE,
               "Registered hosts; state is ill for those that were not well when they were looked at last, drained or "
               "not, and lost for those that are gone for good.", ("state",))
HOST_MEMORY_FREE = Metric("trove_host_memory_free_bytes", Kind.GAUGE, Origin.STORE,
                          "Memory that instances may still have of a host, of those that were seen.", ("host",))

OPERATIONS_UNDER_WAY = Metric("trove_operations_under_way", Kind.GAUGE, Origin.STORE,
                              "Operations that have not ended; step is none before the first one.", ("kind", "step"))
OPERATIONS_LATE = Metric("trove_operations_late", Kind.GAUGE, Origin.STORE,
                         "Operations under way whose step is past its deadline.")
OPERATIONS_ENDED = Metric("trove_operations_ended", Kind.COUNTER, Origin.PROCESS,
                          "Operations by the step in which they ended. Those called off before they began are not "
                          "counted.", ("kind", "step", "outcome"))
OPERATION_SECONDS = Metric("trove_operation_duration_seconds", Kind.HISTOGRAM, Origin.PROCESS,
                           "Time from the request for an operation to its end.", ("kind",),
                           (0.5, 1, 2.5, 5, 10, 30, 60, 180, 600, 1800))
FLOWS = Metric("trove_flows_under_way", Kind.GAUGE, Origin.PROCESS, "Flows that this task manager runs now.")

BUS_CONNECTED = Metric("trove_bus_connected", Kind.GAUGE, Origin.PROCESS,
                       "1 while there is a connection to the broker.")
REPORTS_DROPPED = Metric("trove_bus_reports_dropped", Kind.COUNTER, Origin.PROCESS,
                         "Reports of guests that were not written down.", ("reason",))
REPLIES_REFUSED = Metric("trove_bus_replies_refused", Kind.COUNTER, Origin.PROCESS,
                         "Replies of guests that were not believed, and orders that guests refused in clear.",
                         ("reason",))

REQUEST_SECONDS = Metric("trove_http_request_duration_seconds", Kind.HISTOGRAM, Origin.PROCESS,
                         "Time that the REST API took to answer; route is none where no resource is.",
                         ("method", "route", "status"), (0.005, 0.02, 0.1, 0.5, 2.5, 10))
CALLS_REFUSED = Metric("trove_api_calls_refused", Kind.COUNTER, Origin.PROCESS,
                       "Calls to agents that were not made because as many as may were under way: to this agent, of "
                       "this project, or in all.", ("reason",))

METRICS = (BUILD, INSTANCES, HEARTBEAT_OLDEST, HEARTBEATS_STALE, HOSTS, HOST_MEMORY_FREE, OPERATIONS_UNDER_WAY,
           OPERATIONS_LATE, OPERATIONS_ENDED, OPERATION_SECONDS, FLOWS, BUS_CONNECTED, REPORTS_DROPPED, REPLIES_REFUSED,
           REQUEST_SECONDS, CALLS_REFUSED)
