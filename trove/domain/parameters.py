"""What can be set of a database server, and each value as that server writes it.

A catalogue is of one engine in one version. Values come as people write them (``64M``, ``'128MB'``, ``yes``, JSON
numbers); ``canonical`` makes of each the text in which the server tells it, so that two can be compared.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from common.errors import Invalid

from . import sizing

Kind = Literal["boolean", "integer", "float", "string", "enum", "set"]
Value = str | int | float | bool

_TRUE, _FALSE = frozenset(("1", "on", "yes", "true")), frozenset(("0", "off", "no", "false"))
_INTEGER = re.compile(r"([+-]?[0-9]+)\s*([A-Za-z]*)")
_DIGITS = 6
_LONG = 1e18
_LONGEST = 4096
"""Characters in a text."""


class Rejected(Invalid):
    """A parameter that there is not, or a value out of its range; the sentence has the range."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """``minimum``, ``maximum`` and ``step`` in ``unit``, the server's own (bytes where it has none).

    ``share`` is how much of the flavor's memory it may take at most; ``refused`` why nobody may set it, empty where
    anybody may. One that is not ``dynamic`` gets its value at the server's next start. A text may have a ``pattern``
    (``means`` says that in words), and an ``order`` in which the server writes its letters.
    """

    name: str
    kind: Kind
    dynamic: bool
    default: str | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    step: int = 1
    choices: tuple[str, ...] = ()
    unit: str = ""
    share: float | None = None
    pattern: str = ""
    means: str = ""
    order: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How an engine writes values: its words for true and false, its suffixes of numbers by unit (the factor from a
    suffix to the unit), and what is between the words of its names, where people write dashes or underscores."""

    true: str
    false: str
    suffixes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    forbidden: str = ""
    """Characters that no text may have."""
    separator: str = "_"


class Catalogue:
    """``ours`` is what an instance has before anybody sets something: a text, or behind ``=`` a formula (``sizing``)
    from ``memory`` and ``volume``, in MB, and what stands above it."""

    def __init__(self, engine: str, version: str, spelling: Spelling, parameters: Mapping[str, Parameter],
                 ours: Mapping[str, str]) -> None:
        self.engine, self.version = engine, version
        self.parameters = parameters
        self._spelling = spelling
        self._ours = ours

    def of(self, parameters: Mapping[str, Parameter]) -> "Catalogue":
        """The same with others in it."""
        return Catalogue(self.engine, self.version, self._spelling, parameters, self._ours)

    def ours(self, memory_mb: int, volume_bytes: int) -> dict[str, str]:
        """What differs from the server's own defaults in an instance where nobody set anything, as it tells that."""
        names = {"memory": memory_mb, "volume": volume_bytes // 2**20}
        made: dict[str, str] = {}
        for name, written in self._ours.items():
            if written.startswith("="):
                names[name.replace("-", "_")] = sizing.evaluate(written[1:].strip(), names)
                made[name] = str(names[name.replace("-", "_")])
            else:
                made[name] = written
        return made

    def defaults(self, memory_mb: int, volume_bytes: int) -> dict[str, str]:
        """What each that can be set is in an instance where nobody set anything, as far as that is known."""
        own = {name: self._told(each) for name, each in self.parameters.items()}
        return {name: value for name, value in (own | self.ours(memory_mb, volume_bytes)).items()
                if value is not None and name in self.parameters and not self.parameters[name].refused}

    def find(self, name: str) -> Parameter:
        """In any case, with dashes or underscores. Raises Rejected for one that there is not, or that is refused."""
        known = self.parameters.get(self.spelled(name))
        if known is None:
            raise Rejected(f"{self.engine} {self.version} has no parameter {name[:80]!r}.",
                           "Look at the parameters of its datastore version.")
        if known.refused:
            raise Rejected(f"The parameter {known.name} cannot be set: {known.refused}.", "Leave it out.")
        return known

    def spelled(self, name: str) -> str:
        return name.strip().lower().replace("-", "_").replace("_", self._spelling.separator)

    def canonical(self, values: Mapping[str, Value], memory_mb: int | None = None) -> dict[str, str]:
        """Names and values as the server writes them. With ``memory_mb``, a flavor's, what takes more than its share
        of that is refused as well. Raises Rejected."""
        made: dict[str, str] = {}
        for name, value in values.items():
            parameter = self.find(name)
            if parameter.name in made:
                raise Rejected(f"The parameter {parameter.name} is given twice.", "Write it once.")
            made[parameter.name] = self.value(parameter, value)
            self._check_share(parameter, made[parameter.name], memory_mb)
        return made

    def live(self, names: frozenset[str]) -> tuple[str, ...]:
        """Those that a running server can change, in name order; names as ``canonical`` has them."""
        return tuple(sorted(name for name in names
                            if (known := self.parameters.get(name)) is not None and known.dynamic))

    def value(self, parameter: Parameter, value: Value) -> str:
        """As the server writes it. Raises Rejected with what is allowed."""
        written = "" if value is None else str(value).strip()
        made = self._made(parameter, written)
        if made is None:
            raise Rejected(f"{parameter.name} cannot be {str(value)[:80]!r}.", f"Give {self.allowed(parameter)}.")
        return made

    def _told(self, parameter: Parameter) -> str | None:
        """Its default, in the text in which the server tells a value; a default may lie out of the range."""
        return None if parameter.default is None else self._made(parameter, parameter.default) or parameter.default

    def allowed(self, parameter: Parameter) -> str:
        """What may be written, as the end of a sentence."""
        if parameter.kind == "boolean":
            return f"{self._spelling.true} or {self._spelling.false}"
        if parameter.kind == "enum":
            return f"one of {', '.join(parameter.choices)}"
        if parameter.kind == "set":
            return f"some of {', '.join(parameter.choices)}, with commas between them"
        if parameter.means:
            return parameter.means
        if parameter.kind == "string":
            without = f" without {' '.join(self._spelling.forbidden)}" if self._spelling.forbidden else ""
            return f"a text of at most {_LONGEST} printable characters{without}"
        noun = "a whole number" if parameter.kind == "integer" else "a number"
        unit = f" (in {parameter.unit})" if parameter.unit else ""
        step = f", a multiple of {parameter.step}" if parameter.step > 1 else ""
        return f"{noun} from {parameter.minimum} to {parameter.maximum}{unit}{step}"

    def _made(self, parameter: Parameter, written: str) -> str | None:
        if parameter.kind == "boolean":
            word = written.lower()
            return self._spelling.true if word in _TRUE else self._spelling.false if word in _FALSE else None
        if parameter.kind == "enum":
            return next((choice for choice in parameter.choices if choice.lower() == written.lower()), None)
        if parameter.kind == "set":
            return _subset(parameter.choices, written)
        if parameter.kind == "string":
            return self._text(parameter, written)
        number = self._integer(parameter, written) if parameter.kind == "integer" else _float(written)
        return None if number is None or not _is_within(parameter, number) else _shown(number)

    def _text(self, parameter: Parameter, written: str) -> str | None:
        if parameter.order and set(written) <= set(parameter.order):
            written = "".join(letter for letter in parameter.order if letter in written)
        if parameter.pattern and not re.fullmatch(parameter.pattern, written):
            return None
        fits = len(written) <= _LONGEST and (written.isprintable() or not written)
        return written if fits and not set(self._spelling.forbidden) & set(written) else None

    def _integer(self, parameter: Parameter, written: str) -> int | None:
        matched = _INTEGER.fullmatch(written)
        if matched is None:
            return None
        number, suffix = int(matched[1]), matched[2]
        if not suffix:
            return number
        factors = self._spelling.suffixes.get(parameter.unit, {})
        factor = next((factors[each] for each in factors if each.lower() == suffix.lower()), None)
        if factor is None:
            return None
        made = number * factor
        return round(made) if math.isclose(made, round(made)) else None

    def _check_share(self, parameter: Parameter, value: str, memory_mb: int | None) -> None:
        if memory_mb is None or parameter.share is None:
            return
        suffixes = self._spelling.suffixes[parameter.unit]
        most = int(memory_mb * parameter.share * next(suffixes[each] for each in ("M", "MB", "mb") if each in suffixes))
        if int(value) > most:
            raise Rejected(f"{parameter.name} = {value} is more than a server with {memory_mb} MB can carry.",
                           f"Give at most {most}, or take a larger flavor.")


def _is_within(parameter: Parameter, number: float) -> bool:
    if parameter.minimum is not None and number < parameter.minimum:
        return False
    if parameter.maximum is not None and number > parameter.maximum:
        return False
    return parameter.step <= 1 or number % parameter.step == 0


def _float(written: str) -> float | None:
    """With as many digits as servers tell again."""
    try:
        number = float(f"{float(written):.{_DIGITS}g}")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _shown(number: float) -> str:
    """Without an exponent, which MariaDB does not read, as long as that has an end."""
    if isinstance(number, int):
        return str(number)
    return f"{Decimal(repr(number)).normalize():f}" if abs(number) < _LONG else repr(number)


def _subset(choices: tuple[str, ...], written: str) -> str | None:
    wanted = {word.strip().lower() for word in written.split(",") if word.strip()}
    known = [choice for choice in choices if choice.lower() in wanted]
    return ",".join(known) if len(known) == len(wanted) else None
