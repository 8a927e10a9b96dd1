"""The body that acts on an operation."""

from typing import Annotated, Any, Literal

from msgspec import Meta

Act = Annotated[dict[Literal["retry", "cancel"], Annotated[dict[str, Any], Meta(max_length=0)]],
                Meta(min_length=1, max_length=1, examples=[{"retry": {}}])]
"""One key, which names the action, and an empty object behind it."""
