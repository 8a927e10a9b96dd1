"""What the control plane knows of a guest that it speaks with, and what it may therefore ask of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.contract import version
from common.contract.declare import Method
from common.crypto import Key
from common.errors import TooOld, Unsupported
from common.openstack.rpc import sealing

from . import since


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerKeys(sealing.KeyPair):
    """What the control plane knows of a guest: its keys and what its agent announced; None for what it has not said
    yet. ``also_from``: what it may seal its answers with, too, while its keys are changed.
    """

    also_from: tuple[Key, ...] = field(default=(), repr=False)
    incarnation: str | None = None
    contract_version: str | None = None
    capabilities: frozenset[str] | None = None


def check_known(method: Method, arguments: Mapping[str, object], peer: PeerKeys) -> None:
    """Raises TooOld or Unsupported for what the agent said it cannot do; lets pass while it has said nothing."""
    spoken, needed = peer.contract_version, since.needed(method, arguments)
    if spoken is not None and not version.understands(spoken, needed):
        left_behind = version.parts(spoken)[0] > version.parts(needed)[0]
        remedy = "Upgrade the control plane." if left_behind else \
            "Upgrade the instance's guest agent: trovectl agent upgrade INSTANCE."
        raise TooOld(f"The guest agent speaks version {spoken} of the contract; this {method.name} needs {needed}.",
                     remedy)
    if method.capability and peer.capabilities is not None and method.capability not in peer.capabilities:
        raise Unsupported(f"This datastore has no {method.capability}.")
