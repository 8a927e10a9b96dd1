"""Bodies about API tokens of our own."""

from typing import Annotated

from msgspec import Meta, Struct

DAYS = 90

Role = Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]{1,64}$", examples=["member"])]


class NewToken(Struct, frozen=True, forbid_unknown_fields=True):
    """It is for ``project_id`` alone, the path's when it is left out, and for so many days. Who has a role that is an
    administrator's is one."""

    name: Annotated[str, Meta(min_length=1, max_length=255, pattern="^[!-~][ -~]*$", examples=["nightly tests"])]
    project_id: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$", examples=["shop"])] | None = None
    roles: Annotated[tuple[Role, ...], Meta(min_length=1, max_length=20)] = ("member",)
    days: Annotated[int, Meta(ge=1, le=3650, examples=[DAYS])] = DAYS


class CreateToken(Struct, frozen=True):
    token: NewToken
