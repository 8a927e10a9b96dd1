"""Bodies about registered hosts."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from . import blocks

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2v4aK0Y1mG4V0X3cV9o0r1oZqQ1f6mPpLcXyZ0aBcD"
"""An example."""

Name = Annotated[str, Meta(pattern=blocks.HOST_NAME, max_length=64, examples=["db1"])]
Address = Annotated[str, Meta(pattern=blocks.ADDRESS, examples=["db1.example.com"])]
Port = Annotated[int, Meta(ge=1, le=65535, examples=[22])]
Login = Annotated[str, Meta(pattern=blocks.LOGIN, examples=["trove"])]


class NewHost(Struct, frozen=True, forbid_unknown_fields=True):
    """``host_key`` is a line as in the machine's ``/etc/ssh/ssh_host_ed25519_key.pub``. Database servers listen at
    ``listen_address``; left out, that is what ``address`` stands for."""

    name: Name
    address: Address
    host_key: Annotated[str, Meta(min_length=1, max_length=4096, examples=[KEY])]
    port: Port = 22
    user: Login = "root"
    listen_address: Annotated[str, Meta(pattern=blocks.IP, examples=["192.0.2.11"])] | None = None


class AddHost(Struct, frozen=True):
    host: NewHost


class Where(Struct, frozen=True):
    """The query for a machine's host key."""

    address: Address
    port: Port = 22


Act = Annotated[dict[Literal["check", "drain", "activate", "lose"], Annotated[dict[str, Any], Meta(max_length=0)]],
                Meta(min_length=1, max_length=1, examples=[{"drain": {}}])]
"""One key, which names the action, and an empty object behind it."""
