"""Logs of an instance as REST shows them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from common.contract import types as t

Status = Literal["Disabled", "Enabled", "Ready", "Unavailable"]
_NOTHING = "None"
"""What OpenStack Trove shows of an object store that holds nothing."""


class Log(Struct, frozen=True):
    """A log of type ``USER`` can be switched. ``pending`` is what there is of it, in bytes."""

    name: Annotated[str, Meta(examples=["general"])]
    type: Literal["USER", "SYS"]
    status: Annotated[Status, Meta(examples=["Ready"])]
    pending: Annotated[int, Meta(examples=[4711])]
    published: int = 0
    container: str = _NOTHING
    prefix: str = _NOTHING
    metafile: str = _NOTHING


class Logs(Struct, frozen=True):
    logs: tuple[Log, ...]


class OneLog(Struct, frozen=True):
    log: Log


class Chunk(Struct, frozen=True):
    """``after`` is the position behind the text, to be asked for next; ``more``: there is more already. ``lost``: it
    does not follow on what was read before, since that was rotated away."""

    text: Annotated[str, Meta(examples=["2026-08-01 12:00:00 0 [Note] mariadbd: ready for connections.\n"])]
    after: Annotated[str, Meta(examples=["265537:4711:1203948576"])]
    more: bool
    lost: bool


class OneChunk(Struct, frozen=True):
    chunk: Chunk


def log(found: t.Log) -> Log:
    return Log(found.name, "USER" if found.switched else "SYS", _status(found), found.size)


def chunk(found: t.LogChunk) -> Chunk:
    return Chunk(found.text, found.after, found.more, found.lost)


def _status(found: t.Log) -> Status:
    if not found.enabled:
        return "Disabled"
    if found.size:
        return "Ready"
    return "Enabled" if found.switched else "Unavailable"
