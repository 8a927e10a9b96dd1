"""What the agent says of itself and of the machine beneath it."""

from collections.abc import Callable

from common.contract import types as t

from ..host.base import Host


class Agent:
    def __init__(self, info: t.AgentInfo, host: Host) -> None:
        self._info = info
        self._host = host

    def handlers(self) -> dict[str, Callable[..., object]]:
        return {"rpc_ping": self.rpc_ping, "get_filesystem_stats": self.get_filesystem_stats}

    def rpc_ping(self) -> t.AgentInfo:
        return self._info

    def get_filesystem_stats(self) -> t.FilesystemStats:
        return self._host.stats()
