"""Bodies about quotas."""

from typing import Annotated

from msgspec import Meta, Struct

Limit = Annotated[int, Meta(ge=-1, le=2**31 - 1)]


class SetQuotas(Struct, frozen=True):
    """Limits by resource: -1 is none; ``ram`` in MB, ``volumes`` in GB. What is left out stays."""

    quotas: Annotated[dict[str, Limit], Meta(min_length=1, max_length=4, examples=[{"instances": 20}])]
