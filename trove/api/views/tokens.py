"""API tokens of our own as REST shows them: without what they are, but for once."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct

from trove.db import tokens as rows

from . import blocks


class Token(Struct, frozen=True, kw_only=True):
    """``used`` is of the last use, about a minute exact."""

    id: blocks.Id
    name: Annotated[str, Meta(examples=["nightly tests"])]
    project_id: Annotated[str, Meta(examples=["shop"])]
    roles: Annotated[tuple[str, ...], Meta(examples=[("member",)])]
    created: blocks.Timestamp
    expires: blocks.Timestamp
    used: blocks.Timestamp | None
    revoked: blocks.Timestamp | None


class TokenWithSecret(Token, frozen=True, kw_only=True):
    """``secret`` is what requests send in ``X-Auth-Token``. It is shown here and never again."""

    secret: Annotated[str, Meta(examples=["trove_Jc9zvBg1J0zq4l0r7o2fXw3hT5yKd8nQmVbP6sAeUiE"])]


class TokenPage(Struct, frozen=True):
    tokens: tuple[Token, ...]
    links: blocks.NextLink = UNSET


class OneToken(Struct, frozen=True):
    token: TokenWithSecret


def token(row: rows.Token) -> Token:
    return Token(**_members(row))


def new_token(row: rows.Token, secret: str) -> TokenWithSecret:
    return TokenWithSecret(**_members(row), secret=secret)


def _members(row: rows.Token) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "project_id": row.project_id, "roles": tuple(sorted(row.roles)),
            "created": blocks.timestamp(row.created), "expires": blocks.timestamp(row.expires),
            "used": blocks.timestamp_or_none(row.used), "revoked": blocks.timestamp_or_none(row.revoked)}
