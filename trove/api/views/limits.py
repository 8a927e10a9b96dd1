"""What a project may have and how often it may ask, as REST shows it."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType


class Limit(Struct, frozen=True, kw_only=True):
    """The first entry, ABSOLUTE, has the four quotas: -1 means no limit, ``max_ram`` is in MB, ``max_volumes`` in GB.

    Those behind it tell how many requests one project may make with a verb (GET, POST, PUT, DELETE).
    """

    verb: Annotated[str, Meta(examples=["ABSOLUTE"])]
    max_instances: Annotated[int, Meta(examples=[10])] | UnsetType = UNSET
    max_ram: Annotated[int, Meta(examples=[-1])] | UnsetType = UNSET
    max_volumes: Annotated[int, Meta(examples=[40])] | UnsetType = UNSET
    max_backups: Annotated[int, Meta(examples=[50])] | UnsetType = UNSET
    uri: Annotated[str, Meta(examples=["*"])] | UnsetType = UNSET
    regex: Annotated[str, Meta(examples=[".*"])] | UnsetType = UNSET
    value: Annotated[int, Meta(examples=[200])] | UnsetType = UNSET
    remaining: Annotated[int, Meta(examples=[199])] | UnsetType = UNSET
    unit: Literal["MINUTE"] | UnsetType = UNSET
    nextAvailable: Annotated[str, Meta(examples=["2026-08-01T12:00:00Z"])] | UnsetType = UNSET  # noqa: N815 - the wire's


class Limits(Struct, frozen=True):
    limits: tuple[Limit, ...]
