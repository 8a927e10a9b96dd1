"""What the bus has to know of guests, read from the store at every message: keys, and what their agents announced."""

from collections.abc import Mapping

from common.crypto import Key
from trove.db import guests
from trove.db.store import Store
from trove.domain.peers import PeerKeys


class Peers:
    """Both ends of the bus ask here: ``keys`` before an order to a guest, ``keys_from`` when a report of it arrives."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keys(self, instance_id: str) -> PeerKeys:
        """Raises NotFound for an instance that does not live."""
        with self._store.read() as connection:
            return guests.peer(connection, self._store.vault, instance_id)

    def keys_from(self, instance_id: str) -> Mapping[int, Key]:
        """By epoch; none for an instance that does not live."""
        with self._store.read() as connection:
            return guests.report_keys(connection, self._store.vault, instance_id)
