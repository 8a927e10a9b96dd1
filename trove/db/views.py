"""What queries answer with: frozen rows, joined and typed. No secret is in any of them.

Structs of msgspec and not dataclasses: a list of 50 instances is made of 200 of them, a hundred times a second.
"""

import enum
from collections.abc import Mapping
from typing import Generic, TypeVar

from msgspec import Struct

from common.contract.types import ServiceStatus
from trove.domain import states
from trove.domain.configurations import Standing
from trove.domain.spots import Spot
from trove.domain.states import Task

T = TypeVar("T")


class Scope(enum.Enum):
    """What an administrator may ask for in the place of one project's id."""

    EVERY_PROJECT = "every project"


Project = str | Scope


class Page(Struct, Generic[T], frozen=True):
    """A slice of a list; ``next_marker`` None on the last one."""

    items: tuple[T, ...]
    next_marker: str | None = None


class Flavor(Struct, frozen=True):
    """``ram`` in MB, ``disk`` in GB."""

    id: str
    name: str
    ram: int
    vcpus: int
    disk: int


class Version(Struct, frozen=True):
    """``name`` is what people choose by, ``number`` the engine's real version."""

    id: str
    datastore_id: str
    datastore: str
    manager: str
    name: str
    number: str
    binaries: str
    active: bool


class Datastore(Struct, frozen=True):
    id: str
    name: str
    manager: str
    default_version_id: str | None
    versions: tuple[Version, ...]


class Fault(Struct, frozen=True):
    """``at`` in seconds since 1970; ``details`` are for administrators."""

    message: str
    details: str
    at: float


class Observed(Struct, frozen=True):
    """What the agent last said; ``waiting`` are settings that the server gets at its next start. Times in seconds since
    1970, sizes in bytes, ``clock_skew`` in seconds (its clock less ours)."""

    status: ServiceStatus
    sentence: str
    at: float | None
    clock_skew: float | None
    server_started_at: float | None
    volume_total: int | None
    volume_used: int | None
    root_enabled: bool | None
    key_epoch: int
    agent_version: str | None
    contract_version: str | None
    agent_release: str | None
    waiting: tuple[str, ...]
    capabilities: frozenset[str]
    incarnation: str | None


class Attached(Struct, frozen=True):
    """The group of settings that an instance has."""

    id: str
    name: str


class Configuration(Struct, frozen=True):
    """A group of settings. ``values`` by name, both as the server writes them; ``repair``: what somebody else changes
    of these is undone; ``instances`` is how many have it. Times in seconds since 1970."""

    id: str
    project_id: str
    name: str
    description: str | None
    version: Version
    values: Mapping[str, str]
    repair: bool
    created: float
    updated: float
    instances: int


class Holder(Struct, frozen=True):
    """An instance that has a group of settings, and how far they have come there."""

    id: str
    name: str
    standing: Standing


class Instance(Struct, frozen=True):
    """One instance with its version and flavor. Times in seconds since 1970; ``access`` as it was asked for;
    ``placement`` is what the provider said of the place: how limits and volume are enforced, notes; ``release`` is the
    hash of the agent's release that it is placed with, None before it is."""

    id: str
    project_id: str
    name: str
    created: float
    updated: float
    deleted_at: float | None
    task: Task
    version: Version
    flavor: Flavor
    volume_gb: int | None
    host: str | None
    address: str | None
    port: int | None
    access: Mapping[str, object]
    placement: Mapping[str, object]
    fault: Fault | None
    release: str | None
    configuration: "Attached | None"
    observed: Observed

    @property
    def spot(self) -> Spot | None:
        """Where its server stands; None while that is not known."""
        return None if self.address is None or self.port is None else Spot(self.host, self.address, self.port)

    @property
    def status(self) -> str:
        """REST's ``status``."""
        return states.status(self.task, waiting=bool(self.observed.waiting))

    def operating_status(self, now: float) -> str:
        """REST's ``operating_status`` at ``now`` (seconds since 1970)."""
        return states.operating_status(self.task, self.observed.status, self._age(now))

    def serves(self, now: float) -> bool:
        """Whether short orders (users, databases) make sense."""
        return states.serves(self.task, self.observed.status, self._age(now))

    def _age(self, now: float) -> float | None:
        return None if self.observed.at is None else now - self.observed.at


OPERATION_STATES = ("asked", "running", "done", "failed", "cancelled")


class Operation(Struct, frozen=True):
    """Long work on an instance, as a person reads it. ``state`` is one of ``OPERATION_STATES``.

    Times in seconds since 1970. ``release`` is that of an upgrade, by hash. ``deadline`` and ``next_try`` are of the
    step: when it must have got on, and when it is tried again after the error, which may pass.
    """

    id: str
    instance_id: str
    project_id: str
    kind: str
    state: str
    request_id: str
    created: float
    updated: float
    step: str
    step_since: float | None
    sentence: str
    deadline: float | None
    percent: float | None
    error_code: str | None
    error_message: str | None
    error_hint: str | None
    next_try: float | None
    executor_id: str | None
    cancel_asked: bool
    release: str | None

    @property
    def ended(self) -> bool:
        return self.state not in ("asked", "running")


class Event(Struct, frozen=True):
    """Something that happened to an instance, which had that name then. ``at`` in seconds since 1970.

    ``kind``: a word of ``trove.domain.events``. ``was`` and ``became``: statuses, when one has changed.
    """

    id: int
    at: float
    kind: str
    project_id: str
    instance_id: str
    instance_name: str
    operation_id: str | None
    request_id: str | None
    step: str | None
    was: str | None
    became: str | None
    sentence: str


class Audited(Struct, frozen=True):
    """A row of the audit. ``action``: method and route, or what the control plane did of itself; ``rules`` of the
    policy that were asked and ``roles``, with commas; ``status`` of HTTP; ``seconds`` that it took. ``operation_id``:
    the long work that was asked for, or has ended; ``made``: the id of what a request made."""

    id: int
    at: float
    request_id: str | None
    project_id: str
    user_id: str
    roles: str
    how: str
    address: str
    action: str
    path: str
    instance_id: str | None
    rules: str
    status: int | None
    outcome: str
    seconds: float | None
    operation_id: str | None
    made: str | None


class Link(Struct, frozen=True):
    """A link of the chain over the audit: ``rows`` rows behind the id ``after``, up to ``last``; ``verdict`` is one of
    ``trove.db.audit_chain.VERDICTS``."""

    id: int
    at: float
    after: int
    last: int
    rows: int
    digest: str
    verdict: str


class Quota(Struct, frozen=True):
    """``limit`` -1: none. ``reserved`` is the part of ``in_use`` whose instance is still being built."""

    resource: str
    in_use: int
    reserved: int
    limit: int


class RootHistory(Struct, frozen=True):
    """When the superuser was first opened to the network, and by whom (a user id). Times in seconds since 1970."""

    instance_id: str
    enabled_at: float
    enabled_by: str
    disabled_at: float | None
