"""The books of an installation: what its store says there is, held against what the machine and the broker have.

Everything is counted from outside, so that a creation, a removal or a death that loses count shows.
"""

import os
import pwd
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy

from tests import leftovers
from tests.awaiting import until
from tests.broker_view import BrokerView
from trove.bus import names

SECRETS = ("key_to_guest", "key_from_guest", "bus_password")
"""That a living instance has when nothing is under way."""
PASSING = ("order", "next_secrets")
CHARGE = {"instances": 1, "ram": 512, "volumes": 1, "backups": 0}
"""Of an instance as ``Installation.create`` asks for it: flavor 1, a volume of 1 GB."""

PROGRAMS = {"runsvdir": 1, "runsv": 3, "svlogd": 2, "python3": 1, "mariadbd": 1}
"""What runs for an instance whose database serves; the agent is a program of python3."""


Urls = tuple[str, str]


class Store:
    """The rows of a store, read by plain SQL."""

    def __init__(self, connection: sqlalchemy.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str) -> list[Mapping[str, Any]]:
        return [dict(row) for row in self._connection.execute(sqlalchemy.text(statement)).mappings()]


def differences(state: Path, living: set[str], urls: Urls | None = None) -> list[str]:
    """Sentences on everything that there is too much or too little of; empty when the books balance.

    ``living``: the ids that there should be, all of them up and nothing under way. ``urls``: of store and flows in
    PostgreSQL.
    """
    store_url, flows_url = urls or (_sqlite(state / "trove.sqlite"), _sqlite(state / "flows.sqlite"))
    with _opened(store_url) as store, _opened(flows_url) as flows:
        return [*_rows(store, living), *_quota(store, living), *_operations(store),
                *_machine(state, _ever(store), living), *_broker(state, store, living), *_addresses(store),
                *_disk(state, living), *_flows(flows, "dbos.workflow_status" if urls else "workflow_status")]


def _sqlite(file: Path) -> str:
    return f"sqlite:///file:{file}?mode=ro&uri=true"


@contextmanager
def _opened(url: str) -> Iterator[Store]:
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            yield Store(connection)
    finally:
        engine.dispose()


def balanced(state: Path, living: set[str], timeout: float, urls: Urls | None = None) -> None:
    """Waits until the books balance; fails with what is wrong in them after ``timeout`` seconds."""
    latest: list[str] = []

    def look() -> bool:
        latest[:] = differences(state, living, urls)
        return not latest

    try:
        until(look, timeout, "the books balance", every=0.5)
    except AssertionError as error:
        raise AssertionError("\n".join([str(error), *latest])) from None


def _ever(store: Store) -> set[str]:
    return {row["id"] for row in store.rows("SELECT id FROM instances")}


def _rows(store: Store, living: set[str]) -> list[str]:
    found = []
    rows = store.rows("SELECT * FROM instances")
    if (known := {row["id"] for row in rows if row["deleted_at"] is None}) != living:
        found.append(f"rows of living instances: {_but(known, living)}")
    for row in rows:
        kept = [name for name in SECRETS + PASSING if row[name] is not None]
        allowed = list(SECRETS) if row["deleted_at"] is None else []
        if kept != allowed:
            found.append(f"secrets of {row['id']} ({row['task']}): {kept}")
    return found


def _quota(store: Store, living: set[str]) -> list[str]:
    usage = {row["resource"]: row["in_use"] for row in store.rows("SELECT * FROM quota_usage")}
    wanted = {resource: amount * len(living) for resource, amount in CHARGE.items() if resource in usage}
    found = [] if usage == wanted else [f"quota in use: {usage}, not {wanted}"]
    holders = {row["instance_id"] for row in store.rows("SELECT instance_id FROM quota_reservations")}
    return found if holders == living else [*found, f"quota is held by {_but(holders, living)}"]


def _operations(store: Store) -> list[str]:
    rows = store.rows("SELECT * FROM operations WHERE state IN ('asked', 'running')")
    return [f"still under way: {row['kind']} of {row['instance_id']}: {row['step']}: {row['sentence']}"
            for row in rows]


def _addresses(store: Store) -> list[str]:
    rows = store.rows("SELECT address, SUM(CASE WHEN deleted_at IS NULL THEN 1 ELSE 0 END) AS living FROM instances"
                      " WHERE address IS NOT NULL GROUP BY address")
    found = [f"{row['living']} instances share {row['address']}" for row in rows if row["living"] > 1]
    return found + [f"{len(listeners)} listeners at {row['address']}, which {row['living']} instances have"
                    for row in rows if len(listeners := leftovers.listeners(row["address"])) != row["living"]]


def _machine(state: Path, ever: set[str], living: set[str]) -> list[str]:
    found = [f"{directory}: {_but(there, living)}" for directory in ("instances", "volumes")
             if (there := _names(state / directory)) != living]
    for instance in sorted(ever - living):
        if left := leftovers.of_instance(state, instance, "127.0.0.0"):
            found.append(f"left of {instance}: {left}")
    for instance in sorted(living):
        things = {"mounts": len(leftovers.mounts(f"/{instance}/")), "accounts": len(leftovers.accounts(instance)),
                  "loop devices": len(leftovers.loop_devices(instance))}
        if things != {"mounts": 1, "accounts": 2, "loop devices": 1}:
            found.append(f"{instance} has {things}")
        if (programs := _programs(instance)) != PROGRAMS:
            found.append(f"for {instance} run {programs}")
    return found


def _programs(instance: str) -> dict[str, int]:
    """How many of each program run for the instance; lines are "PID PROGRAM …"."""
    return dict(Counter(Path(line.split()[1]).name for line in leftovers.processes(instance)))


def _broker(state: Path, store: Store, living: set[str]) -> list[str]:
    view, found = BrokerView(state), []
    logins = {names.login(row["id"], row["key_epoch"])
              for row in store.rows("SELECT id, key_epoch FROM instances WHERE deleted_at IS NULL")}
    wanted = {"queues": {name for each in living for name in (f"guestagent.{each}", f"guest.{each}.up")},
              "exchanges": {f"guest.{each}.up" for each in living}, "logins": logins}
    for kind, expected in wanted.items():
        there = {name for name in view.all_of(kind) if "guest" in name}
        if there != expected:
            found.append(f"{kind}: {_but(there, expected)}")
    return found


def _disk(state: Path, living: set[str]) -> list[str]:
    """Files of nobody, and files that were deleted and take room because somebody holds them open."""
    found = [f"{path} belongs to {owner}, which is no account" for directory in ("instances", "volumes")
             for path in sorted((state / directory).glob("*/*")) if (owner := _without_account(path)) is not None]
    return found + [f"still open although deleted: {line}" for line in leftovers.deleted_but_open(str(state))
                    if any(directory in line for directory in ("/instances/", "/volumes/"))
                    and not any(instance in line for instance in living)]


def _without_account(path: Path) -> int | None:
    """The owner's id when nobody has it."""
    try:
        owner = path.lstat().st_uid
    except FileNotFoundError:  # it is just being removed
        return None
    try:
        pwd.getpwuid(owner)
    except KeyError:
        return owner
    return None


def _flows(flows: Store, table: str) -> list[str]:
    """The flow engine's records: none under way, and none that a defect ended."""
    rows = flows.rows(f"SELECT status, name, workflow_uuid FROM {table} WHERE status != 'SUCCESS'")
    return [f"flow {row['status']}: {row['name']} of operation {row['workflow_uuid']}" for row in rows]


def foreign_queues(state: Path) -> dict[str, int]:
    """How many queues there are that are no guest's, by what they are for."""
    queues = [name for name in BrokerView(state).all_of("queues") if "guest" not in name]
    return dict(Counter(name.partition("_")[0] for name in queues))


def _names(directory: Path) -> set[str]:
    return {path.name.removesuffix(".img") for path in directory.iterdir()} if directory.is_dir() else set()


def _but(there: set[str], wanted: set[str]) -> str:
    return f"too many {sorted(there - wanted)}, too few {sorted(wanted - there)}"


def consumption(pid: int) -> dict[str, Any]:
    """Threads, open files and resident memory (MB) of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {"threads": int(status["Threads"]), "files": len(os.listdir(f"/proc/{pid}/fd")),
            "rss_mb": round(int(status["VmRSS"].split()[0]) / 1024)}
