"""What a handler says of itself, and where it is kept: on the handler."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from msgspec import Meta

H = TypeVar("H", bound=Callable[..., None])

METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"
_KEPT_AS = "described"


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the query; ``kind`` is the type of its value."""

    name: str
    kind: Any
    meaning: str


PAGED = (
    Query("limit", Annotated[int, Meta(ge=1, le=10**18 - 1, examples=[20])],
          "How many items a page holds at most; the operator's page size is the default and the most."),
    Query("marker", Annotated[str, Meta(examples=["8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"])],
          "Where the page begins: behind the item that the link `next` of the page before names."),
)


@dataclass(frozen=True, slots=True)
class Described:
    """``status`` (None: there is none) and ``answer`` (a type; None: no body) of success; ``media`` is the answer's.
    ``dry``: the answer of a dry run, with 200, where success has another status or another body.

    ``refuses`` are statuses besides those that follow from the path, a body and every request: see ``document``.
    """

    summary: str
    answer: Any
    status: int | None
    body: Any
    body_optional: bool
    query: tuple[Query, ...]
    refuses: tuple[int, ...]
    media: str
    dry: Any


def describe(summary: str, answer: Any = None, *, status: int | None = 200, body: Any = None,
             body_optional: bool = False, query: tuple[Query, ...] = (), refuses: tuple[int, ...] = (),
             media: str = JSON, dry: Any = None) -> Callable[[H], H]:
    """Describes a handler. Its docstring, where it has one, is shown below the summary."""
    def keep(handler: H) -> H:
        handler.__dict__[_KEPT_AS] = Described(
            summary, answer, status, body, body_optional, query, refuses, media, dry)
        return handler
    return keep


def handlers(resource: type) -> Iterator[tuple[str, Callable[..., None]]]:
    """Method and handler, in the order in which they are shown."""
    for method in METHODS:
        if (handler := getattr(resource, f"on_{method}", None)) is not None:
            yield method, handler


def description(handler: Callable[..., None]) -> Described:
    """Raises KeyError for a handler that nobody described."""
    found: Described = handler.__dict__[_KEPT_AS]
    return found
