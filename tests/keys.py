"""Keys of a guest, for tests."""

from common.crypto import Key
from common.openstack.rpc.sealing import KeyPair


def drawn(epoch: int = 1) -> KeyPair:
    return KeyPair(to_guest=Key.generate(), from_guest=Key.generate(), epoch=epoch)
