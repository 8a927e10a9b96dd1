"""Links to what a view names."""

from dataclasses import dataclass
from typing import Annotated

import falcon
from msgspec import Meta, Struct

from . import paths


class Link(Struct, frozen=True):
    rel: Annotated[str, Meta(examples=["self"])]
    href: Annotated[str, Meta(examples=["https://db.example.org/v1.0/demo/…"])]


@dataclass(frozen=True, slots=True)
class Base:
    """``origin`` is scheme and host without a slash behind."""

    origin: str
    project: str

    def to(self, collection: str, key: str) -> tuple[Link, ...]:
        key = paths.encode(key)
        return (Link("self", f"{self.origin}/v1.0/{self.project}/{collection}/{key}"),
                Link("bookmark", f"{self.origin}/{collection}/{key}"))


def base(req: falcon.Request, public_endpoint: str, project_id: str) -> Base:
    """With the scheme that was asked, unless the operator says what clients see."""
    return Base(public_endpoint.rstrip("/") or f"{req.scheme}://{req.netloc}", paths.encode(project_id))
