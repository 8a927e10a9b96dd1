"""Flows on DBOS Transact: what runs, under which name, and how it is started, recovered and stopped.

DBOS is one a process, and so is the engine here. Its records hold ids and single words, as JSON. Its version of the
application is pinned: by default it is a hash of the source, and every running flow would be stranded by an upgrade.
What a flow did in its earlier lives is found by the names of its steps, not by their places, so that a flow goes on
under a release that added, removed or moved steps (docs/adr/0011-steps-by-name.md).
"""

import contextvars
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sqlalchemy
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID, WorkflowStatusString
from sqlalchemy.exc import OperationalError

from common.openstack import log

from . import configure, create, delete, restart, rotate_keys, upgrade
from .services import Services
from .signals import Stopping
from .steps import DONE, FlowEnded, Run

LOG = log.get(__name__)

FLOWS: dict[str, Callable[[Run], None]] = {
    "create": create.create,
    "restart": restart.restart,
    "reboot": restart.reboot,
    "stop": restart.stop,
    "upgrade": upgrade.upgrade,
    "configure": configure.configure,
    "rotate_keys": rotate_keys.rotate_keys,
    "delete": delete.delete,
}
APPLICATION = "trove"
APPLICATION_VERSION = "1"
STORE_PAUSE = 2.0
"""Seconds between two tries to reach a store that is away."""

THREADS = 64
"""Flows at a time in one task manager; each waits in a thread of its own."""


@dataclass
class _Life:
    """The engine's current life: what the registered flows work with, and how many are under way."""

    services: Services
    executor: str
    under_way: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)


_life: _Life | None = None


def launch(url: str, executor: str, services: Services) -> None:
    """Starts the engine. ``executor`` names this life of it; ``recover`` takes up what earlier ones left.

    ``url``: ``sqlite:////path`` (a file of its own) or ``postgresql+psycopg://…``.
    """
    global _life
    _life = _Life(services, executor)
    _silence()
    _use_write_ahead_log(url)
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": url,
        "application_version": APPLICATION_VERSION,
        "executor_id": executor,
        "serializer": DBOSPortableJSONSerializer(),
        "max_executor_threads": THREADS,
        "sys_db_pool_size": 8,
        "log_level": "WARNING",
        "enable_otlp": False,
    }
    DBOS(config=config)
    DBOS.launch()


def start(kind: str, operation_id: str) -> None:
    """Starts the flow of this operation, unless it was started before, here or elsewhere."""
    with SetWorkflowID(operation_id):
        DBOS.start_workflow(_WORKFLOWS[kind], operation_id)


def recover(executor: str) -> int:
    """Puts the flows of another life, which is over beyond doubt, where any task manager takes them up. How many."""
    left = DBOS.list_workflows(status=WorkflowStatusString.PENDING.value, executor_id=executor)
    for flow in left:
        DBOS.resume_workflow(flow.workflow_id)
    return len(left)


def forget(operation_ids: Sequence[str]) -> None:
    """Removes the records of flows that have ended. Those of unknown ones are gone already."""
    DBOS.delete_workflows([*operation_ids])


def under_way() -> int:
    """Flows that this process runs now."""
    return _life.under_way if _life is not None else 0


def shut_down(patience: float) -> None:
    """Lets the flows come to rest, for at most ``patience`` seconds. They go on at the next launch."""
    if _life is None:
        return
    _life.services.signals.stop()
    with _life.changed:
        if not _life.changed.wait_for(lambda: _life is None or not _life.under_way, patience):
            LOG.warning("Flows are still in the middle of a step; they do it again at the next start.",
                        flows=_life.under_way)
    DBOS.destroy()


def _silence() -> None:
    """DBOS would add a console handler of its own to a logger that has none."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _use_write_ahead_log(url: str) -> None:
    """A property of the file, which DBOS leaves alone."""
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        connection = sqlite3.connect(parsed.database, timeout=30)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()


class _Record:
    """What the steps of one flow ended with, by their names: in its earlier lives and in this one."""

    def __init__(self, operation_id: str, life: _Life) -> None:
        self._life = life
        self._words = _words_of_earlier_lives(operation_id)

    def __call__(self, name: str, function: Callable[[], str]) -> str:
        """Raises Stopping instead of beginning a step, and for one whose end the engine is not there to take any more.
        """
        signals = self._life.services.signals
        signals.require()
        if name not in self._words:
            try:
                self._words[name] = DBOS.run_step({"name": name}, self._persistent(function))
            except Exception:
                if signals.stopping:
                    raise Stopping from None  # an Exception would end the flow, in the engine's records
                raise
        return self._words[name]

    def _persistent(self, function: Callable[[], str]) -> Callable[[], str]:
        """Begins the step again when the store was away."""
        def run() -> str:
            while True:
                try:
                    return function()
                except OperationalError as error:
                    LOG.warning(f"The store does not answer; the step begins again: {error.orig}")
                    self._life.services.signals.pause(STORE_PAUSE)
        return run


def _words_of_earlier_lives(operation_id: str) -> dict[str, str]:
    """The engine counts steps: those on record are replayed under their own names, and what is new comes behind."""
    steps = contextvars.Context().run(DBOS.list_workflow_steps, operation_id)  # elsewhere it would count as a step
    words: dict[str, str] = {}
    for name in [step["function_name"] for step in steps]:
        try:
            words[name] = DBOS.run_step({"name": name}, _not_on_record)
        except Exception as error:  # noqa: BLE001 (what the engine recorded, whatever that was)
            LOG.warning(f"A step that broke down in an earlier life is done again: {error}", step=name,
                        operation=operation_id)
    return words


def _not_on_record() -> str:
    raise LookupError("the flow engine lists a step that it has no record of")


def _workflow(kind: str) -> Callable[[str], str]:
    def run(operation_id: str) -> str:
        assert _life is not None
        life = _life
        with life.changed:
            life.under_way += 1
        try:
            return _live(FLOWS[kind], operation_id, life)
        finally:
            with life.changed:
                life.under_way -= 1
                life.changed.notify_all()

    run.__qualname__ = run.__name__ = f"run_{kind}"
    workflow: Callable[[str], str] = DBOS.workflow(name=f"{APPLICATION}.{kind}", max_recovery_attempts=None)(run)
    return workflow


def _live(flow: Callable[[Run], None], operation_id: str, life: _Life) -> str:
    """One life of a flow, in words of ``steps``. Raises Stopping."""
    life.services.signals.require()
    run = Run(life.services, operation_id, life.executor, _Record(operation_id, life))
    try:
        run.begin()
        flow(run)
    except FlowEnded as ended:
        return ended.state
    return DONE


_WORKFLOWS = {kind: _workflow(kind) for kind in FLOWS}
