"""The body that shows a log or switches it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Flag = Annotated[Literal[0, 1] | bool, Meta(examples=[1])]


class LogAction(Struct, frozen=True):
    """Without a flag the log is shown. ``publish`` and ``discard`` want an object store, which there is not yet."""

    name: Annotated[str, Meta(min_length=1, max_length=255, examples=["general"])]
    enable: Flag = 0
    disable: Flag = 0
    publish: Flag = 0
    discard: Flag = 0
