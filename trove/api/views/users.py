"""Users, databases and the superuser of an instance as REST shows them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct

from common.contract import types as t

from . import blocks


class Database(Struct, frozen=True):
    name: blocks.Name


class DatabasePage(Struct, frozen=True):
    databases: tuple[Database, ...]
    links: blocks.NextLink = UNSET


class User(Struct, frozen=True):
    name: Annotated[str, Meta(examples=["anna"])]
    host: Annotated[str, Meta(examples=["%"])]
    databases: tuple[Database, ...]


class UserPage(Struct, frozen=True):
    users: tuple[User, ...]
    links: blocks.NextLink = UNSET


class OneUser(Struct, frozen=True):
    user: User


class Granted(Struct, frozen=True):
    databases: tuple[Database, ...]


class RootEnabled(Struct, frozen=True):
    rootEnabled: bool  # noqa: N815 - the wire's name


class Credential(Struct, frozen=True):
    name: Annotated[str, Meta(examples=["root"])]
    password: Annotated[str, Meta(examples=["kV2uFQ0b7HcX1w"])]


class OneCredential(Struct, frozen=True):
    user: Credential


def user(row: t.User) -> User:
    return User(row.name, row.host, access(row))


def access(row: t.User) -> tuple[Database, ...]:
    return tuple(Database(name) for name in row.databases)
