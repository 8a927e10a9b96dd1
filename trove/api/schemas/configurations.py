"""Bodies about groups of settings."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from . import blocks

Values = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=128, pattern=blocks.PARAMETER)],
         str | int | float | bool], Meta(max_length=1000, examples=[{"max_connections": 200}])]
"""As people write them: numbers, ``64M``, ``on``."""
Description = Annotated[str, Meta(max_length=2000, examples=["For many small clients."])]


class DatastoreOfConfiguration(Struct, frozen=True):
    """By id or by name; without it, the default."""

    type: blocks.Reference | None = None
    version: blocks.Reference | None = None
    version_number: blocks.Reference | None = None


class NewConfiguration(Struct, frozen=True):
    """``repair``, an addition of ours: what somebody else changes of these in a server is undone."""

    name: blocks.Text
    values: Values
    description: Description | None = None
    datastore: DatastoreOfConfiguration = DatastoreOfConfiguration()
    repair: bool = False


class CreateConfiguration(Struct, frozen=True):
    configuration: Annotated[NewConfiguration, Meta(examples=[{
        "name": "many-clients", "values": {"max_connections": 200},
        "datastore": {"type": "mariadb", "version": "10.11"}}])]


class ConfigurationChanges(Struct, frozen=True):
    """PATCH adds ``values`` to those that there are, PUT puts them in their place."""

    values: Values
    name: blocks.Text | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    repair: bool | UnsetType = UNSET


class ChangeConfiguration(Struct, frozen=True):
    configuration: Annotated[ConfigurationChanges, Meta(examples=[{"values": {"max_connections": 300}}])]
