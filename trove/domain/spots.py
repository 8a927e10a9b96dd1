"""Where servers stand: on which machine, and under which address and port there."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spot:
    """``host`` is the name of a registered host; None means this machine."""

    host: str | None
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Load:
    """What a living instance takes of its machine. ``volume_gb`` None: no volume of its own."""

    instance_id: str
    spot: Spot
    memory_mb: int
    volume_gb: int | None
