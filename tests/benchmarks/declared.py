"""Every benchmark, in the order in which they run."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks import calls, creation, heartbeats, lists, memory
from tests.benchmarks.comparison import OURS, RATIO, Budget, Result, Scale
from tests.benchmarks.machinery import Machinery


@dataclass(frozen=True)
class Benchmark:
    """``ours`` and ``other`` say what the two sides are; ``text`` what a reader must know to judge the figures."""

    name: str
    unit: str
    ours: str
    other: str
    budgets: tuple[Budget, ...]
    text: str
    measure: Callable[[Machinery, Scale], Result]


_LISTS = (Budget(OURS, 300, at_most=False), Budget("SQL statements", 5))
_LISTS_TEXT = ("`GET /instances?limit=50` over two connections that stay open, with {} instances in the project. "
               "The API runs alone in its process, on SQLite. The bare application is Falcon in the same server with "
               "as many threads and sends the same bytes, so the ratio is the price of our own code.")

_CREATION = (Budget(RATIO, 0.6), Budget("without template", 1.3))
_CREATION_TEXT = (
    "Until a user's `SELECT 1` is answered over TCP. The same: programs, configuration, kind of file system, account, "
    "database and user, and the probe. Different: ours goes through REST, flow, broker and a new agent, gets a new "
    "volume and account, is held by a control group, and copies a template, which the first creation left; the bare "
    "one is started by hand. *Without template*: the ratio where there is none. *Ten at once*: until the last of ten "
    "that are asked for together answers. *On XFS*: with a template, where the images of the volumes are on an XFS.")

BENCHMARKS = (
    Benchmark("memory", "MB", "the control plane's RSS", "its libraries, only imported", (Budget(OURS, 130),),
              "API, task manager, conductor and provider in one process, idle after a first creation, the broker "
              "apart. For comparison: the idle API, conductor and task manager of OpenStack Trove 26, one process "
              "each, have an RSS of 144, 135 and 135 MB.", memory.of_control_plane),
    Benchmark("create", "s", "`POST /instances`", "MariaDB's own initialise and start", _CREATION, _CREATION_TEXT,
              creation.of_mariadb),
    Benchmark("create-postgresql", "s", "`POST /instances`", "PostgreSQL's own initialise and start", _CREATION,
              _CREATION_TEXT, creation.of_postgresql),
    Benchmark("list-50", "requests/s", "the API", "a bare application, same bytes", _LISTS, _LISTS_TEXT.format("50"),
              lists.of_50),
    Benchmark("list-5000", "requests/s", "the API", "a bare application, same bytes", _LISTS,
              _LISTS_TEXT.format("5,000"), lists.of_many),
    Benchmark("call", "ms", "a sealed call", "oslo.messaging, not sealed", (Budget(RATIO, 0.6),),
              "Median round trip of `list_databases` with twenty databases, by one caller. Same broker, TLS on both "
              "sides, either server in a process of its own. oslo.messaging seals nothing.", calls.one_by_one),
    Benchmark("call-8", "ms", "a sealed call", "oslo.messaging, not sealed", (Budget(RATIO, 1.0),),
              "The same with eight threads that call one guest without a pause. Our agents take one order at a time, "
              "oslo.messaging's server takes 64.", calls.at_once),
    Benchmark("heartbeats", "heartbeats/s", "the conductor on SQLite", "the conductor on PostgreSQL",
              (Budget(OURS, round(heartbeats.NEED, 1), at_most=False), Budget("dropped", 0)),
              "2,000 agents send a sealed heartbeat each, all at once; counted until each is written. The need is "
              "2,000 every 30 s. The lag is from sent to written on SQLite at that pace. Each agent has an instance, "
              "keys, an exchange and a queue of its own; their heartbeats come over one TLS connection for each store, "
              "under one login, where real agents have one each.", heartbeats.through_conductor),
)
