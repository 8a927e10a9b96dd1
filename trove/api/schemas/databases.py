"""Bodies of databases."""

from typing import Annotated

from msgspec import Meta, Struct

from . import blocks


class Create(Struct, frozen=True):
    databases: Annotated[tuple[blocks.Database, ...], Meta(min_length=1)]
