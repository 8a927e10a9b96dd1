"""Bodies about rules of parameters."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from trove.domain.rules import DataType

from . import blocks

Name = Annotated[str, Meta(pattern=blocks.PARAMETER, max_length=128, examples=["max_connections"])]
Bound = int | float | Annotated[str, Meta(pattern=blocks.NUMBER, max_length=40)]
"""Clients send it as a text, too."""


class NewRule(Struct, frozen=True):
    """``restart_required`` is 1 where a running server cannot change it. ``min_size`` and ``max_size`` are of numbers,
    in the server's own unit."""

    name: Name
    data_type: DataType
    restart_required: Annotated[Literal[0, 1], Meta(examples=[0])]
    max_size: Annotated[Bound | None, Meta(examples=[100000])] = None
    min_size: Annotated[Bound | None, Meta(examples=[10])] = None


class WriteRule(Struct, frozen=True):
    rule: NewRule = field(name="configuration-parameter")
