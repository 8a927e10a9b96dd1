"""Bodies of users and of what they may use."""

from typing import Annotated

from msgspec import Meta, Struct

from common.secret import Secret

from . import blocks


class CreateUsers(Struct, frozen=True):
    users: Annotated[tuple[blocks.NewUser, ...], Meta(min_length=1, examples=[
        [{"name": "anna", "password": "kV2uFQ0b7HcX1w", "host": "%", "databases": [{"name": "orders"}]}]])]


class NewPassword(Struct, frozen=True):
    name: blocks.Name
    password: Secret
    host: blocks.Host | None = None


class ChangePasswords(Struct, frozen=True):
    users: Annotated[tuple[NewPassword, ...], Meta(min_length=1, examples=[
        [{"name": "anna", "password": "kV2uFQ0b7HcX1w"}]])]


class Attributes(Struct, frozen=True):
    name: blocks.Name | None = None
    password: Secret | None = None
    host: blocks.Host | None = None


class UpdateUser(Struct, frozen=True):
    user: Annotated[Attributes, Meta(examples=[{"password": "kV2uFQ0b7HcX1w"}])]


class GrantAccess(Struct, frozen=True):
    databases: Annotated[tuple[blocks.DatabaseName, ...], Meta(min_length=1, examples=[[{"name": "orders"}]])]
