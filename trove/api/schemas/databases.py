"""Bodies of databases."""

from typing import Annotated

from msgspec import Meta, Struct

from . import blocks


class CreateDatabases(Struct, frozen=True):
    databases: Annotated[tuple[blocks.NewDatabase, ...], Meta(min_length=1, examples=[[{"name": "orders"}]])]
