"""Flavors as REST shows them."""

from typing import Annotated

from msgspec import Meta, Struct

from trove.db import views as rows

from ..links import Base
from . import blocks


class Flavor(Struct, frozen=True, kw_only=True):
    """``id`` is a number or null; ``str_id`` is what it really is. ``ram`` in MB, ``disk`` in GB."""

    id: Annotated[int | None, Meta(examples=[1])]
    str_id: Annotated[str, Meta(examples=["1"])]
    name: Annotated[str, Meta(examples=["db.small"])]
    ram: Annotated[int, Meta(examples=[512])]
    vcpus: Annotated[int, Meta(examples=[1])]
    disk: int
    ephemeral: int
    links: blocks.Links


class Flavors(Struct, frozen=True):
    flavors: tuple[Flavor, ...]


class OneFlavor(Struct, frozen=True):
    flavor: Flavor


def flavor(row: rows.Flavor, base: Base) -> Flavor:
    return Flavor(id=int(row.id) if _is_number(row.id) else None, str_id=row.id, name=row.name, ram=row.ram,
                  vcpus=row.vcpus, disk=row.disk, ephemeral=0, links=base.to("flavors", row.id))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and str(int(text)) == text
