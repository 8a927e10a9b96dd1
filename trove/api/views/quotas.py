"""Quotas as REST shows them."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from trove.db import views as rows


class Quota(Struct, frozen=True):
    """``reserved`` is the part of ``in_use`` whose instance is still being built; ``limit`` -1: none."""

    resource: Annotated[str, Meta(examples=["instances"])]
    in_use: Annotated[int, Meta(examples=[3])]
    reserved: Annotated[int, Meta(examples=[1])]
    limit: Annotated[int, Meta(examples=[10])]


class Quotas(Struct, frozen=True):
    quotas: tuple[Quota, ...]


class QuotaLimits(Struct, frozen=True):
    quotas: Annotated[Mapping[str, int], Meta(examples=[{"instances": 20}])]


def quotas(found: tuple[rows.Quota, ...]) -> Quotas:
    return Quotas(tuple(Quota(each.resource, each.in_use, each.reserved, each.limit) for each in found))
