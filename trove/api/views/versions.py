"""The versions of the API as REST shows them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from . import blocks


class ApiVersion(Struct, frozen=True):
    id: Annotated[str, Meta(examples=["v1.0"])]
    status: Literal["CURRENT"]
    updated: Annotated[str, Meta(examples=["2012-08-01T00:00:00Z"])]
    links: blocks.Links


class ApiVersions(Struct, frozen=True):
    versions: tuple[ApiVersion, ...]


class OneApiVersion(Struct, frozen=True):
    version: ApiVersion
