"""The things that orders and reports are made of. Frozen structs; fields of type Secret never appear in a repr."""

import enum
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from common.secret import Secret

Percent = Annotated[float, Meta(ge=0, le=100)]


class ServiceStatus(enum.Enum):
    """What the agent sees of the database server. The values are the wire words of OpenStack Trove's heartbeats."""

    NEW = "new"
    BUILDING = "building"
    RUNNING = "running"
    HEALTHY = "healthy"
    BLOCKED = "blocked"
    SHUTDOWN = "shutdown"
    CRASHED = "crashed"
    FAILED = "failed to spawn"
    RESTARTING = "restarting"
    UNKNOWN = "unknown"


class Database(Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    character_set: str | None = None
    collate: str | None = None


class UserRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Names an account; ``host`` is ignored by engines whose accounts have none."""

    name: str
    host: str = "%"


class User(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account as it is; ``databases`` are the names it may use."""

    name: str
    host: str = "%"
    databases: tuple[str, ...] = ()


class NewUser(Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    password: Secret
    host: str = "%"
    databases: tuple[str, ...] = ()


class UserChanges(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to change of an account; None leaves a thing as it is."""

    name: str | None = None
    host: str | None = None
    password: Secret | None = None


class PageRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A slice of a list in name order: at most ``limit`` items (1 or more) after ``marker``."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 20
    marker: str | None = None


class DatabasePage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    items: tuple[Database, ...]
    next_marker: str | None = None


class UserPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    items: tuple[User, ...]
    next_marker: str | None = None


class RootCredential(Struct, frozen=True, kw_only=True):
    name: str
    password: Secret


class Log(Struct, frozen=True, kw_only=True):
    """A log; one that is ``switched`` is written while it is ``enabled``. ``size`` in bytes, of all that is kept."""

    name: str
    switched: bool
    enabled: bool
    size: int


class LogChunk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a log; foreign bytes are U+FFFD. ``after`` is the position behind it, to be asked for next.

    ``lost``: what was before it is gone, so that it does not follow on what was read. ``more``: there is more already.
    """

    text: str
    after: str
    lost: bool = False
    more: bool = False


class FilesystemStats(Struct, frozen=True, kw_only=True):
    """The data volume, in bytes."""

    total: int
    used: int
    free: int


class AgentInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who answers: versions, what the engine can do, and this life's id (drawn anew at each start).

    ``release`` is the hash of the release that it runs from, empty where that is not known.
    """

    SINCE: ClassVar[dict[str, str]] = {"release": "1.2"}
    instance_id: str
    agent_version: str
    contract_version: str
    datastore: str
    datastore_version: str
    capabilities: tuple[str, ...]
    incarnation: str
    release: str = ""


class Prepare(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Make a server out of nothing: what it is to contain when it serves for the first time.

    ``memory_mb`` is the flavor's memory, from which the engine sizes its caches.
    """

    memory_mb: Annotated[int, Meta(ge=1)]
    databases: tuple[Database, ...] = ()
    users: tuple[NewUser, ...] = ()
    root_password: Secret | None = None
    overrides: dict[str, str] = {}


class Stamp(Struct, frozen=True, kw_only=True, order=True):
    """Orders the observations of one guest: the later is the greater, over restarts and key changes."""

    key_epoch: int
    boot_count: int
    sequence: int


class OperationState(enum.Enum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Failure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error of the closed list (``common.errors``) in transport."""

    code: str
    message: str
    hint: str = ""


class Ticket(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to an operation: where it stands now. ``failure`` is set when the state is FAILED."""

    operation_id: str
    state: OperationState
    failure: Failure | None = None


class Drift(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something of ours that somebody else changed. ``found_at`` is the agent's clock when it was first seen, seconds
    since 1970; what is repaired is told of for some minutes, the rest as long as it lasts.
    """

    sentence: str
    repaired: bool = False
    found_at: float = 0.0


class Heartbeat(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent sees now. ``sent_at`` is its clock, seconds since 1970; ``sentence`` is its last turn's.

    ``waiting`` are the settings of the tenant's that the server gets at its next start.
    """

    SINCE: ClassVar[dict[str, str]] = {"drift": "1.1", "waiting": "1.3"}
    stamp: Stamp
    status: ServiceStatus
    sentence: str
    sent_at: float
    server_started_at: float | None = None
    volume: FilesystemStats | None = None
    root_enabled: bool | None = None
    drift: tuple[Drift, ...] = ()
    waiting: tuple[str, ...] = ()


class Hello(Struct, frozen=True, kw_only=True):
    """Said once at every start of an agent."""

    stamp: Stamp
    agent: AgentInfo


class Progress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    stamp: Stamp
    operation_id: str
    sentence: str
    percent: Percent | None = None


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of an operation. Sent until the broker has it; the same result may arrive twice."""

    stamp: Stamp
    operation_id: str
    state: OperationState
    failure: Failure | None = None
