"""What seals at this moment: a guest's keys change while its agent runs."""

from common.crypto import Unopened
from common.openstack.rpc import sealing


class Keys:
    """``now`` seals everything. Orders open with the keys before them, too, until one comes that ``now`` opens."""

    def __init__(self, keys: sealing.KeyPair) -> None:
        self._valid: tuple[sealing.KeyPair, ...] = (keys,)

    @property
    def now(self) -> sealing.KeyPair:
        return self._valid[0]

    def renew(self, keys: sealing.KeyPair) -> None:
        self._valid = (keys, self.now)

    def open(self, sealed: str) -> sealing.Request:
        """Raises Unopened."""
        now, *former = self._valid
        try:
            request = sealing.unseal(now.to_guest, sealed, sealing.Request)
        except Unopened:
            if not former:
                raise
            return sealing.unseal(former[0].to_guest, sealed, sealing.Request)
        if former:
            self._valid = (now,)
        return request
