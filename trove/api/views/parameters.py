"""Parameters, and what operators say of them, as REST shows them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from trove.domain import rules
from trove.domain.parameters import Catalogue
from trove.domain.parameters import Parameter as Known
from trove.domain.rules import DataType, Rule

from . import blocks

_Minimum = Annotated[int | float | UnsetType, Meta(examples=[10])]
_Maximum = Annotated[int | float | UnsetType, Meta(examples=[100000])]


class Parameter(Struct, frozen=True, kw_only=True):
    """What can be set. ``choices`` are the words that it takes, ``unit`` that of ``min``, ``max`` and plain numbers
    (bytes or none where it is not there). ``default`` is the server's own; an instance may have another, that fits its
    flavor."""

    name: Annotated[str, Meta(examples=["max_connections"])]
    datastore_version_id: blocks.Id
    restart_required: bool
    type: DataType
    max: _Maximum = UNSET
    min: _Minimum = UNSET
    choices: tuple[str, ...] | UnsetType = UNSET
    unit: str | UnsetType = UNSET
    default: Annotated[str | UnsetType, Meta(examples=["151"])] = UNSET


class Parameters(Struct, frozen=True):
    parameters: tuple[Parameter, ...] = field(name="configuration-parameters")


class ParameterRule(Struct, frozen=True, kw_only=True):
    """A parameter as administrators see it. ``deleted``: the operator does not offer it. ``refused`` says why nobody
    may."""

    name: Annotated[str, Meta(examples=["max_connections"])]
    datastore_version_id: blocks.Id
    restart_required: bool
    type: DataType
    deleted: bool
    deleted_at: blocks.Timestamp | None
    max_size: _Maximum = UNSET
    min_size: _Minimum = UNSET
    refused: str | UnsetType = UNSET


class ParameterRules(Struct, frozen=True):
    parameters: tuple[ParameterRule, ...] = field(name="configuration-parameters")


def parameter(known: Known, version_id: str) -> Parameter:
    return Parameter(
        name=known.name, datastore_version_id=version_id, restart_required=not known.dynamic,
        type=rules.data_type(known.kind), max=_or_unset(known.maximum), min=_or_unset(known.minimum),
        choices=known.choices or UNSET, unit=known.unit or UNSET,
        default=UNSET if known.default is None else known.default)


def parameters(catalogue: Catalogue, version_id: str) -> Parameters:
    """Those that can be set, in order of names."""
    return Parameters(tuple(parameter(each, version_id) for _, each in sorted(catalogue.parameters.items())
                            if not each.refused))


def rule(stated: Rule, version_id: str, refused: str = "") -> ParameterRule:
    return ParameterRule(
        name=stated.name, datastore_version_id=version_id, restart_required=stated.restart_required,
        type=stated.data_type, deleted=stated.deleted_at is not None,
        deleted_at=blocks.timestamp_or_none(stated.deleted_at), max_size=_or_unset(stated.maximum),
        min_size=_or_unset(stated.minimum), refused=refused or UNSET)


def _or_unset(bound: float | None) -> int | float | UnsetType:
    return UNSET if bound is None else bound
