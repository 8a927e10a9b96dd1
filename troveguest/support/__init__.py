"""For when something is wrong: what the doctor finds, the orders in the journal, and a bundle to give to somebody else.

Each of them looks on from outside, while an agent runs or when it is dead, and changes nothing.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from common.contract import codec
from common.errors import Invalid, NotFound

from ..host.layout import Layout
from . import bundle, doctor, orders

_FLAG, _DIRECTORY, _FILE = "--json", "--config-dir", "-o"


def main(words: Sequence[str]) -> int:
    """The command ``doctor``, ``journal`` or ``support-bundle``; the exit code. Raises TroveError, OSError."""
    top = Path(__file__).resolve().parents[5]  # this is TOP/releases/HASH/lib/troveguest/support
    given = _read(words[1:])
    homes = [Path(name).absolute().parent for name in given[_DIRECTORY]] or sorted(top.glob("instances/*-*"))
    layouts = [Layout(home) for home in homes]
    if words[0] == "doctor":
        report = doctor.report(layouts, top)
        _print(given, report, (f"{each.level:8}{each.check:23}{each.sentence} {each.remedy}".rstrip()
                               for each in report.findings))
        return 0 if report.healthy else 1
    if not layouts:
        raise NotFound(f"No instance is seen in {top}.", "Be root, or name its configuration: --config-dir DIRECTORY.")
    if words[0] == "journal":
        found = [entry for layout in layouts for entry in orders.entries(layout)]
        _print(given, found, map(orders.line, found))
    else:
        made = bundle.write(layouts, top, *given[_FILE][-1:])
        sys.stdout.write(f"{made}: look into it before you give it away.\n")
    return 0


def _read(arguments: Sequence[str]) -> dict[str, list[str]]:
    """What was given to each argument. Raises Invalid."""
    given: dict[str, list[str]] = {_FLAG: [], _DIRECTORY: [], _FILE: []}
    words = iter(arguments)
    for word in words:
        value = word if word == _FLAG else next(words, "")
        if word not in given or not value:
            raise Invalid(f"The argument {word!r} is not understood.", "Look at: trove-guestagent help.")
        given[word].append(value)
    return given


def _print(given: dict[str, list[str]], value: object, lines: Iterable[str]) -> None:
    sys.stdout.write("\n".join([codec.encode(value).decode()] if given[_FLAG] else lines) + "\n")
