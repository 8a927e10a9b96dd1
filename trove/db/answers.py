"""What POST requests with an Idempotency-Key did and were answered, for a day.

A request is claimed before it is worked on. What it did is put down in the transaction that does it, so that neither
a second request nor one that is repeated after the death of the API does it again; its answer is kept sealed.
"""

import hashlib
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Update, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from common.errors import Conflict
from common.secret import Secret

from . import schema
from .store import Store

LIFE = 24 * 3600.0
"""Seconds for which an answer is kept."""

_k = schema.idempotency_keys.c


@dataclass(frozen=True, slots=True)
class Done:
    """What a request with a key did: which instance or group of settings it made or touched, and the operation that it
    left or called off; or empty."""

    made_id: str
    operation_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Secret


class UnderWay(Conflict):
    """The first request with this key is being worked on."""


class Answers:
    """The keys of one life of the API: what another life left without an answer is taken over."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._life = str(uuid.uuid4())
        self._under_way: set[str] = set()

    def claim(self, once: str, request: bytes) -> Answer | None:
        """None when the request is to be worked on, else what it was answered. ``once``: see ``name``.

        Raises Conflict for a key that was sent with another request, UnderWay.
        """
        with ExitStack() as unless_committed:
            with self._store.write() as connection:
                answer = self._claimed(connection, once, request)
                if answer is None:
                    self._under_way.add(once)  # before others can see the claim
                    unless_committed.callback(self._under_way.discard, once)
            unless_committed.pop_all()
        return answer

    def _claimed(self, connection: Connection, once: str, request: bytes) -> Answer | None:
        prune(connection, time.time(), once)
        fingerprint = self._store.vault.fingerprint(_k.fingerprint, request)
        if _insert(connection, once, fingerprint, self._life):
            return None
        row = connection.execute(select(schema.idempotency_keys).where(_k.id == once).with_for_update()).one()
        if row.fingerprint != fingerprint:
            raise Conflict("The Idempotency-Key was sent with another request before.",
                           "Take a new key for each request, and the same one only to repeat it as it was.")
        if row.answer is not None:
            return Answer(row.status, self._store.vault.open(_k.answer, once, row.answer))
        if once in self._under_way:
            raise UnderWay("The first request with this Idempotency-Key is still being worked on.",
                           "Ask again in a moment.")
        connection.execute(_one(once).values(holder=self._life))
        return None

    def keep(self, once: str, answer: Answer) -> None:
        """Where the store fails, whoever repeats the request goes on from what it did."""
        sealed = self._store.vault.seal(_k.answer, once, answer.body)
        with self._ended(once) as connection:
            connection.execute(self._own(once).values(status=answer.status, answer=sealed, holder=None))

    def release(self, once: str) -> None:
        """The request was refused or failed; the key is free for another try, which goes on from what was done."""
        with self._ended(once) as connection:
            connection.execute(delete(schema.idempotency_keys).where(
                _k.id == once, _k.holder == self._life, _k.made_id.is_(None)))
            connection.execute(self._own(once).values(holder=None))

    @contextmanager
    def _ended(self, once: str) -> Iterator[Connection]:
        try:
            with self._store.write() as connection:
                yield connection
        finally:
            self._under_way.discard(once)

    def _own(self, once: str) -> Update:
        """Only what nobody took over since."""
        return _one(once).where(_k.holder == self._life)


def name(project: str, key: str) -> str:
    """Under which name a project's key is kept, which tells neither."""
    return hashlib.sha256(f"{project}\0{key}".encode()).hexdigest()


def done(connection: Connection, once: str | None) -> Done | None:
    """What the request did already; None also for one without a key."""
    if once is None:
        return None
    row = connection.execute(select(_k.made_id, _k.operation_id).where(_k.id == once).with_for_update()).one()
    return None if row.made_id is None else Done(row.made_id, row.operation_id)


def prune(connection: Connection, now: float, once: str | None = None) -> None:
    """Forgets what is older than a day: all of it, or the one key."""
    old = delete(schema.idempotency_keys).where(_k.began < now - LIFE)
    connection.execute(old if once is None else old.where(_k.id == once))


def put_down(connection: Connection, once: str | None, made_id: str, operation_id: str = "") -> None:
    """Says in the transaction that does it what a request does; nothing for one without a key."""
    if once is not None:
        connection.execute(_one(once).values(made_id=made_id, operation_id=operation_id))


def _insert(connection: Connection, once: str, fingerprint: str, holder: str) -> bool:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {"id": once, "fingerprint": fingerprint, "began": time.time(), "holder": holder}
    statement = dialect.insert(schema.idempotency_keys).values(row).on_conflict_do_nothing().returning(_k.id)
    return connection.execute(statement).first() is not None


def _one(once: str) -> Update:
    return update(schema.idempotency_keys).where(_k.id == once)
