"""Bodies about versions of datastores, from operators."""

from typing import Annotated

from msgspec import Meta, Struct

from . import blocks

Binaries = Annotated[str, Meta(pattern=blocks.DIRECTORY, max_length=255, examples=["/opt/mariadb-11.8"])]


class NewVersion(Struct, frozen=True):
    """``binaries`` (an addition of ours): the directory of the programs, or one of them; left out: the system's.

    ``version`` is what the server says; left out, the name is that. Images and packages are taken and mean nothing.
    """

    datastore_name: Annotated[blocks.Text, Meta(examples=["mariadb"])]
    name: Annotated[blocks.Text, Meta(examples=["11.8"])]
    datastore_manager: Annotated[blocks.Text | None, Meta(examples=["mariadb"])] = None
    version: Annotated[blocks.Text | None, Meta(examples=["11.8"])] = None
    binaries: Binaries | None = None
    active: bool = True
    default: bool = False


class AddVersion(Struct, frozen=True):
    version: NewVersion


class ChangeVersion(Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays. Another default takes the place of this one: there is no way to have none."""

    name: blocks.Text | None = None
    active: bool | None = None
    default: bool = False
