"""The audit as REST shows it."""

from typing import Annotated, Literal, cast

from msgspec import UNSET, Meta, Struct

from trove.db import views as rows

from . import blocks

Outcome = Literal["unknown", "done", "refused", "failed", "cancelled"]

Verdict = Literal["whole", "changed", "rows are missing", "rows were added", "cut off"]


class Row(Struct, frozen=True, kw_only=True):
    """``action`` is the method and the route, or what the control plane did of itself, ``user_id`` being `system` then.
    Long work ends under the ``request_id`` of who asked for it. ``how`` it is known who asked: `noauth`, `token`,
    `keystone`, `operator` or `system`. An outcome is `unknown` until the answer, and where the control plane died
    before it; where ``operation_id`` is set then, the long work had begun."""

    id: Annotated[int, Meta(ge=1, examples=[4711], description="Rises; where to go on.")]
    created: blocks.Timestamp
    request_id: Annotated[str | None, Meta(examples=["req-2d1f7f9e-8f3c-4a54-a1cf-5a4b7a4f1f11"])]
    project_id: Annotated[str, Meta(examples=["shop"])]
    user_id: Annotated[str, Meta(examples=["token:nightly tests"])]
    roles: Annotated[tuple[str, ...], Meta(examples=[("member",)])]
    how: Annotated[str, Meta(examples=["token"])]
    address: Annotated[str, Meta(examples=["192.0.2.7"])]
    action: Annotated[str, Meta(examples=["DELETE /v1.0/{project}/instances/{instance_id}"])]
    path: Annotated[str, Meta(examples=["/v1.0/shop/instances/8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"])]
    instance_id: blocks.Id | None
    rules: Annotated[tuple[str, ...], Meta(examples=[("instance:delete",)], description="Of the policy, as asked.")]
    status: Annotated[int | None, Meta(examples=[202])]
    outcome: Annotated[Outcome, Meta(examples=["done"])]
    seconds: Annotated[float | None, Meta(examples=[0.021])]
    operation_id: Annotated[blocks.Id | None, Meta(description="The long work that was asked for, or has ended.")]
    made: Annotated[str | None, Meta(examples=["8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"],
                                     description="Id of the token or the configuration group that was made.")]


class AuditPage(Struct, frozen=True):
    audit: tuple[Row, ...]
    links: blocks.NextLink = UNSET


class ChainLink(Struct, frozen=True, kw_only=True):
    """``rows`` rows of the audit behind the id ``after``, up to ``last``, and whether they are as they were. Who keeps
    ``digest`` elsewhere knows later whether this link is still the same."""

    id: Annotated[int, Meta(ge=1, examples=[57])]
    created: blocks.Timestamp
    after: Annotated[int, Meta(ge=0, examples=[56000])]
    last: Annotated[int, Meta(ge=1, examples=[57000])]
    rows: Annotated[int, Meta(ge=1, examples=[1000])]
    digest: Annotated[str, Meta(examples=["5f0c3a17…"])]
    verdict: Annotated[Verdict, Meta(examples=["whole"])]


class ChainPage(Struct, frozen=True):
    chain: tuple[ChainLink, ...]
    links: blocks.NextLink = UNSET


def link(found: rows.Link) -> ChainLink:
    return ChainLink(id=found.id, created=blocks.timestamp(found.at), after=found.after, last=found.last,
                     rows=found.rows, digest=found.digest, verdict=cast(Verdict, found.verdict))


def row(found: rows.Audited) -> Row:
    return Row(id=found.id, created=blocks.timestamp(found.at), request_id=found.request_id,
               project_id=found.project_id, user_id=found.user_id, roles=_words(found.roles), how=found.how,
               address=found.address, action=found.action, path=found.path, instance_id=found.instance_id,
               rules=_words(found.rules), status=found.status,
               outcome=cast(Outcome, found.outcome), seconds=found.seconds, operation_id=found.operation_id,
               made=found.made)


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))
