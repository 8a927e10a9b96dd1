"""What views are built from."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, UnsetType

from ..links import Link

Timestamp = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$", examples=["2026-08-01T12:00:00"],
                                description="In UTC.")]
Id = Annotated[str, Meta(examples=["8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"])]
Name = Annotated[str, Meta(examples=["orders"])]


Links = tuple[Link, ...]
NextLink = Links | UnsetType
"""``links`` of a page; UNSET, and not there, on the last one."""


def timestamp(seconds: float) -> str:
    """``YYYY-MM-DDTHH:MM:SS`` in UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")


def timestamp_or_none(seconds: float | None) -> str | None:
    return None if seconds is None else timestamp(seconds)
