"""Options of a service: declared once as typed structs, read here from INI files without oslo.config's weight.

A service declares one struct a section and one struct over them; the field ``default`` stands for ``[DEFAULT]``::

    class Bus(Struct, frozen=True, kw_only=True):
        port: Annotated[int, Meta(description="TCP port of the broker.", ge=1, le=65535)] = 5671

    class Options(Struct, frozen=True, kw_only=True):
        default: Default
        bus: Bus

Types are string, integer, float and boolean, a ``Literal`` of strings for a choice, and ``Secret`` for a string that
must not be shown. ``troveguest.oslo_options`` offers the same declarations as real oslo.config options. Where both
accept a file they read the same from it; this reader is the stricter: one line a value, no references to other options
(``$name``), no empty numbers.
"""

import configparser
import math
import re
import typing
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from common.errors import Invalid
from common.secret import Secret

T = TypeVar("T", bound=Struct)

TRUE = frozenset(("true", "1", "on", "yes"))
FALSE = frozenset(("false", "0", "off", "no"))

_INTEGER = re.compile(r"[+-]?[0-9]+")


class Option(Struct, frozen=True, kw_only=True):
    """One declared option. ``type`` is without its Meta, ``declared`` with it; ``default`` is None if ``required``."""

    section: str
    name: str
    type: Any
    declared: Any
    help: str
    required: bool
    default: Any
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def secret(self) -> bool:
        return self.type is Secret

    def expectation(self) -> str:
        """What a person is to write, as the end of a sentence."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.type is bool:
            return "true or false"
        bounds = [f"at least {_number(self.minimum)}"] if self.minimum is not None else []
        bounds += [f"at most {_number(self.maximum)}"] if self.maximum is not None else []
        noun = {int: "a whole number", float: "a number"}.get(self.type, "a text")
        return f"{noun} {' and '.join(bounds)}".strip()


class Reading(Struct, frozen=True):
    """One value as it stands in a file."""

    file: str
    text: str


def declared(kind: type[Struct]) -> dict[str, dict[str, Option]]:
    """Every option of ``kind`` by section and name, in the order of declaration. Raises TypeError for other types."""
    return {
        _section(field.name): {option.name: option for option in _options(_section(field.name), field.type)}
        for field in msgspec.structs.fields(kind)
    }


def configuration_files(files: Sequence[Path], directories: Sequence[Path]) -> list[Path]:
    """``files`` as they are, then each directory's ``*.conf`` in name order; a later file overrides an earlier one."""
    found = list(files)
    for directory in directories:
        try:
            names = sorted(entry.name for entry in directory.iterdir())
        except OSError as error:
            raise Invalid(f"The configuration directory {directory} cannot be read: {error.strerror}.",
                          "Name another one, or give this user the right to read it.") from None
        found += [directory / name for name in names if name.endswith(".conf") and not name.startswith(".")]
    return found


def read(kind: type[T], files: Sequence[Path]) -> tuple[T, list[str]]:
    """The options in ``files``, the last file first, and a sentence for each entry that nothing knows.

    Raises Invalid with file, section, option and remedy.
    """
    options = declared(kind)
    readings: dict[tuple[str, str], Reading] = {}
    unknown: list[str] = []
    for file in files:
        for section, name, text in _entries(file):
            if name in options.get(section, {}):
                readings[section, name] = Reading(str(file), text)
            else:
                unknown.append(_unknown(file, section, name, options))
    sections = {section: _values(known, readings, files) for section, known in options.items()}
    made = {field.name: field.type(**sections[_section(field.name)]) for field in msgspec.structs.fields(kind)}
    return kind(**made), unknown


def _section(field: str) -> str:
    return "DEFAULT" if field == "default" else field


def _options(section: str, struct: type[Struct]) -> Iterator[Option]:
    for field in msgspec.structs.fields(struct):
        plain, metas = _unwrap(field.type)
        facts: dict[str, Any] = {"help": ""}
        for meta in metas:
            facts["help"] = meta.description or facts["help"]
            given = {"minimum": meta.ge, "maximum": meta.le}
            facts.update((key, value) for key, value in given.items() if value is not None)
        if typing.get_origin(plain) is typing.Literal:
            facts["choices"], plain = typing.get_args(plain), str
        if plain not in (str, Secret, int, float, bool):
            raise TypeError(f"Option {field.name} in [{section}] is a {plain}, which oslo.config has no equal for")
        default = None if field.required else field.default
        yield Option(section=section, name=field.name, type=plain, declared=field.type, required=field.required,
                     default=default, **facts)


def _unwrap(annotation: Any) -> tuple[Any, list[Meta]]:
    if typing.get_origin(annotation) is not typing.Annotated:
        return annotation, []
    plain, *extras = typing.get_args(annotation)
    return plain, [extra for extra in extras if isinstance(extra, Meta)]


def _entries(file: Path) -> Iterator[tuple[str, str, str]]:
    """Section, name and text of each assignment in one file; quotes around a whole value are taken off."""
    parser = configparser.RawConfigParser(
        default_section="", strict=False, comment_prefixes=("#", ";"), empty_lines_in_values=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        with file.open(encoding="utf-8") as lines:
            parser.read_file(_checked(file, lines), str(file))
    except OSError as error:
        raise Invalid(f"The configuration file {file} cannot be read: {error.strerror}.",
                      "Name another one, or give this user the right to read it.") from None
    except UnicodeDecodeError:
        raise Invalid(f"The configuration file {file} is not UTF-8 text.", "Save it as UTF-8.") from None
    except configparser.Error as error:
        raise _malformed(file, error) from None
    for section in parser.sections():
        for name, text in parser.items(section):
            quoted = text[:1] in ("'", '"') and text[0] == text[-1]
            yield section, name, text[1:-1] if quoted else text


def _checked(file: Path, lines: Iterable[str]) -> Iterator[str]:
    """The lines as configparser and oslo.config read them alike; raises Invalid where they would not."""
    for number, line in enumerate(lines, 1):
        text = line.rstrip()
        if text and text[0].isspace():
            raise Invalid(f"{file}, line {number}, begins with a blank.",
                          "Start it in the first column: a value is one line.")
        if text.startswith("["):
            if not text.endswith("]"):
                raise Invalid(f"{file}, line {number}: a section's name ends with ].", "Put nothing behind it.")
            text = text if text == "[DEFAULT]" else text.lower()
        yield text + "\n"


def _malformed(file: Path, error: configparser.Error) -> Invalid:
    number = getattr(error, "lineno", None) or next((entry[0] for entry in getattr(error, "errors", [])), "?")
    if isinstance(error, configparser.MissingSectionHeaderError):
        return Invalid(f"{file}, line {number}, stands in no section.", "Put [DEFAULT] above it.")
    return Invalid(f"{file}, line {number}, is no assignment.",
                   "Write it as name = value, or as a comment with # before it.")


def _values(known: dict[str, Option], readings: dict[tuple[str, str], Reading],
            files: Sequence[Path]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for option in known.values():
        reading = readings.get((option.section, option.name))
        if reading is not None:
            values[option.name] = _value(option, reading)
        elif option.required:
            where = ", ".join(map(str, files)) or "no file at all"
            raise Invalid(f"Section [{option.section}] has no option {option.name} (read: {where}).",
                          f"Add it: {option.help}")
    return values


def _value(option: Option, reading: Reading) -> Any:
    try:
        converted = _convert(option, _literal(reading.text))
        return converted if option.secret else msgspec.convert(converted, option.declared)
    except (ValueError, msgspec.ValidationError):
        shown = "the value" if option.secret else f"the value {reading.text!r}"
        raise Invalid(f"{reading.file}, section [{option.section}], option {option.name}: {shown} cannot be used.",
                      f"Write {option.expectation()}{_dollars(reading.text)}.") from None


def _literal(text: str) -> str:
    """``$$`` stands for ``$``; a lone one would be a reference in oslo.config, which we do not have."""
    if "$" in text and ("\\$" in text or "$" in text.replace("$$", "")):
        raise ValueError("a reference")
    return text.replace("$$", "$")


def _dollars(text: str) -> str:
    return ", with $$ for each $ in it" if "$" in text else ""


def _convert(option: Option, text: str) -> Any:
    if option.type is bool:
        return _boolean(text)
    if option.type is int:
        if not _INTEGER.fullmatch(text):
            raise ValueError("not an integer")
        return int(text)
    if option.type is float:
        if not math.isfinite(number := float(text)):
            raise ValueError("not finite")
        return number
    return Secret(text) if option.secret else text


def _boolean(text: str) -> bool:
    if (word := text.lower()) not in TRUE | FALSE:
        raise ValueError("not a boolean")
    return word in TRUE


def _unknown(file: Path, section: str, name: str, options: dict[str, dict[str, Option]]) -> str:
    if section not in options:
        return f"{file}, section [{section}], is not known: {name} in it is ignored; sections are {', '.join(options)}."
    return f"{file}, section [{section}], option {name} is not known and ignored; it has {', '.join(options[section])}."


def _number(value: float | None) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
