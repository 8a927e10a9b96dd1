"""The body that opens the superuser."""

from typing import Annotated

from msgspec import Meta, Struct

from common.secret import Secret


class EnableRoot(Struct, frozen=True):
    """Without a password one is generated."""

    password: Annotated[Secret | None, Meta(examples=["kV2uFQ0b7HcX1w"])] = None
