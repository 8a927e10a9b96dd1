"""API tokens of our own. The store has a hash of each alone: 32 random bytes need no slow one."""

import hashlib
import secrets
import threading
import time
import uuid
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.engine import Row

from common.errors import NotFound
from common.secret import Secret

from . import schema
from .store import Store
from .views import Page

PREFIX = "trove_"
"""By which whoever finds one somewhere knows what it is."""

USED_EVERY = 60.0
"""Seconds after which another use of the same token is written down."""

_t = schema.api_tokens.c


@dataclass(frozen=True, slots=True)
class Token:
    """Times in seconds since 1970; ``used`` is of the last use that was written down."""

    id: str
    name: str
    project_id: str
    roles: frozenset[str]
    created: float
    expires: float
    used: float | None
    revoked: float | None


class Tokens:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: dict[str, float] = {}
        self._lock = threading.Lock()

    def create(self, name: str, project_id: str, roles: frozenset[str], life: float) -> tuple[Token, Secret]:
        """``life`` in seconds. The secret is told here and never again."""
        secret, now = Secret(PREFIX + secrets.token_urlsafe(32)), time.time()
        token = Token(str(uuid.uuid4()), name, project_id, roles, now, now + life, None, None)
        with self._store.write() as connection:
            connection.execute(schema.api_tokens.insert().values(
                id=token.id, hash=_hash(secret.reveal()), name=name, project_id=project_id,
                roles=",".join(sorted(roles)), created=token.created, expires=token.expires))
        return token, secret

    def find(self, text: str) -> Token | None:
        """The token that may be used now; None for any other."""
        now = time.time()
        with self._store.read() as connection:
            row = connection.execute(_WHOLE.where(_t.hash == _hash(text), _t.revoked.is_(None),
                                                  _t.expires > now)).one_or_none()
        if row is None:
            return None
        self._note_use(row.id, now)
        return _token(row)

    def page(self, limit: int, marker: str | None) -> Page[Token]:
        """At most ``limit`` after the id ``marker``, in order of ids; those that nobody can use any more, too."""
        query = _WHOLE.order_by(_t.id).limit(limit + 1)
        if marker is not None:
            query = query.where(_t.id > marker)
        with self._store.read() as connection:
            found = [_token(row) for row in connection.execute(query)]
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    def revoke(self, token_id: str) -> None:
        """From now on nobody can use it. Nothing the second time. Raises NotFound."""
        with self._store.write() as connection:
            if connection.execute(select(_t.id).where(_t.id == token_id)).one_or_none() is None:
                raise NotFound(f"Token {token_id[:64]} could not be found.", "List those that there are.")
            connection.execute(update(schema.api_tokens).where(_t.id == token_id, _t.revoked.is_(None))
                               .values(revoked=time.time()))

    def _note_use(self, token_id: str, now: float) -> None:
        """Seldom: each is a write."""
        with self._lock:
            if now - self._noted.get(token_id, 0.0) < USED_EVERY:
                return
            self._noted[token_id] = now
        with self._store.write() as connection:
            connection.execute(update(schema.api_tokens).where(_t.id == token_id).values(used=now))


_WHOLE = select(_t.id, _t.name, _t.project_id, _t.roles, _t.created, _t.expires, _t.used, _t.revoked)


def _token(row: Row) -> Token:  # type: ignore[type-arg]
    return Token(row.id, row.name, row.project_id, frozenset(filter(None, row.roles.split(","))), row.created,
                 row.expires, row.used, row.revoked)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
