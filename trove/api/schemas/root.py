"""The body that opens the superuser."""

from msgspec import Struct

from common.secret import Secret


class Enable(Struct, frozen=True):
    password: Secret | None = None
