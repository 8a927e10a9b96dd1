"""An operator's word on a single parameter, in the place of the catalogue's: a server of his may have been built
otherwise than the one that the catalogue was made from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from common.errors import Exists, Invalid, NotFound

from .parameters import Catalogue, Kind, Parameter

DataType = Literal["string", "integer", "boolean", "float"]
"""The types that REST tells: an enumeration or a set is a string there."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``minimum`` and ``maximum`` in the parameter's unit. ``deleted_at`` (seconds since 1970): from then on nobody may
    set it."""

    name: str
    data_type: DataType
    restart_required: bool
    minimum: int | float | None = None
    maximum: int | float | None = None
    deleted_at: float | None = None


def data_type(kind: Kind) -> DataType:
    return next((each for each in get_args(DataType) if each == kind), "string")


def of(parameter: Parameter) -> Rule:
    """What the catalogue says, as an operator would."""
    return Rule(parameter.name, data_type(parameter.kind), not parameter.dynamic, parameter.minimum, parameter.maximum)


def ruled(catalogue: Catalogue, rules: Iterable[Rule]) -> Catalogue:
    """The catalogue as the operator wants it."""
    parameters = dict(catalogue.parameters)
    for rule in rules:
        parameters[rule.name] = _ruled(parameters.get(rule.name), rule)
    return catalogue.of(parameters)


def checked(catalogue: Catalogue, known: Iterable[Rule], rule: Rule, *, new: bool) -> Rule:
    """The rule in the server's spelling; ``catalogue`` is without, ``known`` are those that there are.

    Raises Invalid, NotFound, or Exists for a ``new`` one of a parameter that can be set already.
    """
    name = catalogue.spelled(rule.name)
    stored = next((each for each in known if each.name == name), None)
    told = catalogue.parameters.get(name)
    is_there = stored.deleted_at is None if stored else told is not None
    if told is not None and told.refused:
        raise Invalid(f"The parameter {name} cannot be set: {told.refused}.", "No rule changes that.")
    if new and is_there:
        raise Exists(f"The parameter {name} is there already.", "Change it instead.")
    if not new and not is_there:
        raise NotFound(f"There is no parameter {name}.", "Make it first.")
    if told is not None and rule.data_type != data_type(told.kind):
        raise Invalid(f"The server's own type of {name} is {data_type(told.kind)}, and not {rule.data_type}.",
                      "Give that one.")
    if rule.data_type not in ("integer", "float") and (rule.minimum, rule.maximum) != (None, None):
        raise Invalid(f"{name} is no number and has no range.", "Leave the range out.")
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        raise Invalid(f"The range of {name} is empty: from {rule.minimum} to {rule.maximum}.", "Turn it round.")
    return replace(rule, name=name)


def _ruled(told: Parameter | None, rule: Rule) -> Parameter:
    told = told or Parameter(rule.name, rule.data_type, dynamic=False)
    return replace(told, dynamic=not rule.restart_required, minimum=rule.minimum, maximum=rule.maximum,
                   refused=told.refused or ("the operator does not offer it" if rule.deleted_at else ""))
