"""Requests made from ``/openapi.json`` by schemathesis, to a server on a socket, and what each answer must be.

Parts of paths are mostly things that are there: else every second answer would be 404 for the same reason.
"""

import json
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.parameters import ParameterLocation

from common.contract import types as t
from common.errors import NotFound
from common.secret import Secret
from tests.trove import machines
from tests.trove.api.world import World
from trove.domain.states import HEARTBEAT_EXPIRY

TYPES = ("application/json",) * 8 + ("application/json; charset=utf-8", "text/plain")
ACCEPT = ("*/*",) * 8 + ("application/vnd.openstack.trove;version=1.0", "application/vnd.openstack.trove;version=2.0")
USERS = (("anna", "%"), ("a/b.c", "10.0.0.0/255.0.0.0"), ("x@y", "%"))
DATABASES = ("orders", "a.json", "ä b")

load_all_checks()
_CHECKS = CHECKS.get_by_names(["status_code_conformance", "content_type_conformance", "response_schema_conformance",
                               "negative_data_rejection"])


def no_defect(_context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """501 and 503 are said on purpose; nothing else above 499 is."""
    assert response.status_code < 500 or response.status_code in (501, 503), response.text
    assert response.headers["x-openstack-request-id"]
    if response.status_code >= 400 and case.method != "HEAD":
        [(name, fault)] = json.loads(response.content).items()
        assert name and fault["code"] == response.status_code and fault["message"].strip()


@dataclass
class Ground:
    """A project with instances in several states; what a request took away is there again before the next."""

    world: World
    instances: dict[str, str] = field(default_factory=dict)
    operations: list[str] = field(default_factory=list)
    group: str = "none"
    heard: dict[str, float] = field(default_factory=dict)

    def prepare(self) -> None:
        for name, make in {"first": self._serving, "second": self._serving, "failed": self._failed,
                           "building": self._building}.items():
            if not self._is_as_made(name):
                self.instances[name] = make(name)
        for name in ("first", "second"):
            if time.monotonic() - self.heard[name] > HEARTBEAT_EXPIRY / 3:
                self._hear(name, self.instances[name])
            guest = self.world.guests.of(self.instances[name])
            guest.ensure_databases(tuple(t.Database(name=each) for each in DATABASES))
            guest.ensure_users(tuple(t.NewUser(name=user, host=host, password=Secret("x"), databases=("orders",))
                                     for user, host in USERS))
        for host in {"db1", "db2"} - {manned.host.name for manned in self.world.desk.all()}:
            self.world.desk.add(machines.host(host))
        if self.world.ask("GET", f"/configurations/{self.group}").status_code != 200:
            self.group = self.world.ask("POST", "/configurations", {"configuration": {
                "name": "many", "values": {"max_connections": 200}}}).json["configuration"]["id"]
        self.operations = [operation for _, operation in self.world.woken if operation][-5:]

    def known(self, part: str) -> list[str]:
        """What a part of a path may be so that it is found."""
        [datastore] = self.world.commands.list_datastores()
        return {
            "project": [self.world.project],
            "instance_id": [self.instances[name] for name in ("first", "first", "second", "failed", "building")],
            "operation_id": self.operations,
            "user": ["anna", "a/b.c@10.0.0.0/255.0.0.0", "x@y@%"],
            "database": list(DATABASES),
            "datastore": [datastore.name, datastore.id],
            "version": [datastore.versions[0].id, datastore.versions[0].name],
            "flavor": ["1", "2"],
            "host": ["db1", "db2"],
            "parameter": ["max_connections", "sql_mode"],
            "log": ["error", "general"],
            "owner": [self.world.project, "somebody"],
            "token": ["00000000-0000-4000-8000-000000000000"],
            "configuration": [self.group],
        }[part]

    def _is_as_made(self, name: str) -> bool:
        try:
            row = self.world.commands.get_instance(self.world.project, self.instances.get(name, ""))
        except NotFound:
            return False
        return row.status == {"failed": "ERROR", "building": "BUILD"}.get(name, "ACTIVE")

    def _building(self, name: str) -> str:
        made: str = self.world.create(name)["id"]
        return made

    def _serving(self, name: str) -> str:
        instance_id = self._building(name)
        self.world.build(instance_id)
        self._hear(name, instance_id)
        return instance_id

    def _hear(self, name: str, instance_id: str) -> None:
        self.world.observe(instance_id, t.ServiceStatus.HEALTHY)
        self.heard[name] = time.monotonic()

    def _failed(self, name: str) -> str:
        instance_id = self._building(name)
        self.world.fail(instance_id, "It broke.", "a trace")
        return instance_id


@dataclass
class Tally:
    """How many requests had which answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    succeeded: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        return self.statuses.total()


def run(origin: str, ground: Ground, cases: int, seed: int) -> Tally:
    """At least ``cases`` requests, spread evenly over the operations of the document. Raises what a check raises."""
    schema = schemathesis.openapi.from_url(f"{origin}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    tally, session = Tally(), requests.Session()
    each = -(-cases // len(operations))
    for operation in operations:
        modes = _modes(operation)
        for mode in modes:
            _ask(operation, mode, -(-each // len(modes)), seed,
                 lambda case, drawn: _send(case, drawn, ground, origin, session, tally))
    return tally


def _modes(operation: Any) -> tuple[GenerationMode, ...]:
    """Requests that break the description can be made where there is something to break."""
    if operation.body or operation.query:
        return GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    return (GenerationMode.POSITIVE,)


def _ask(operation: Any, mode: GenerationMode, cases: int, seed: int, send: Callable[..., None]) -> None:
    """``cases`` requests; those that generation gives up on do not count."""
    sent = 0

    @hypothesis.seed(seed ^ zlib.crc32(f"{operation.label} {mode}".encode()))
    @hypothesis.settings(max_examples=cases, database=None, deadline=None, print_blob=False,
                         suppress_health_check=list(hypothesis.HealthCheck),
                         phases=(hypothesis.Phase.generate,))
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), drawn=st.fixed_dictionaries({
        "parts": st.lists(st.integers(0, 9), min_size=4, max_size=4),
        "accept": st.sampled_from(ACCEPT), "type": st.sampled_from(TYPES)}))
    def ask(case: schemathesis.Case, drawn: dict[str, Any]) -> None:
        nonlocal sent
        sent += 1
        send(case, drawn)

    ask()
    assert sent


def _lead(case: schemathesis.Case, numbers: list[int], ground: Ground) -> None:
    """Most often to what is there; a path that is broken on purpose stays so."""
    if case.meta.components.get(ParameterLocation.PATH, case.meta.generation).mode.is_negative:
        return
    for name, number in zip(case.path_parameters, numbers, strict=False):
        if number < (9 if name == "project" else 7):
            known = ground.known(name)
            case.path_parameters[name] = known[number % len(known)]


def _send(case: schemathesis.Case, drawn: dict[str, Any], ground: Ground, origin: str, session: requests.Session,
          tally: Tally) -> None:
    ground.prepare()
    _lead(case, drawn["parts"], ground)
    headers = {"Accept": drawn["accept"]}
    if case.media_type is not None:
        headers["Content-Type"] = drawn["type"]
    response = case.call_and_validate(origin, session, headers, checks=[no_defect, *_CHECKS], timeout=30)
    tally.statuses[response.status_code] += 1
    if response.status_code < 400:
        tally.succeeded.add(case.operation.label)
