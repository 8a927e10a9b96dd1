"""For when something is wrong: what the doctor finds, the orders in the journal, and a bundle to give to somebody else.

Each of them looks on from outside, while an agent runs or when it is dead, and changes nothing.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from common.contract import codec
from common.errors import Invalid, NotFound, TroveError

from ..host.layout import Layout
from . import bundle, doctor, orders

_FLAG, _DIRECTORY, _FILE = "--json", "--config-dir", "-o"


def main(words: Sequence[str]) -> int:
    """The command ``doctor``, ``journal`` or ``support-bundle``; the exit code."""
    top = Path(__file__).resolve().parents[5]  # this is TOP/releases/HASH/lib/troveguest/support
    try:
        given = _read(words[1:])
        homes = [Path(name).absolute().parent for name in given[_DIRECTORY]] or sorted(top.glob("instances/*-*"))
        return _run(words[0], [Layout(home) for home in homes], top, given)
    except (TroveError, OSError) as error:
        said = error.sentence() if isinstance(error, TroveError) else f"{error}. Be root, or the agent's user."
        sys.stderr.write(f"trove-guestagent: {said}\n")
        return 1


def _run(command: str, layouts: Sequence[Layout], top: Path, given: dict[str, list[str]]) -> int:
    if command == "doctor":
        report = doctor.report(layouts, top)
        width = max(len(each.check) for each in report.findings)
        _print(report, [f"{each.level:8}{each.check:{width}}  {each.sentence} {each.remedy}".rstrip()
                        for each in report.findings], given)
        return 0 if report.healthy else 1
    if not layouts:
        raise NotFound(f"No instance is seen in {top}.", "Be root, or name its configuration: --config-dir DIRECTORY.")
    if command == "journal":
        found = [entry for layout in layouts for entry in orders.entries(layout)]
        _print(found, [entry.line() for entry in found], given)
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


def _print(value: object, lines: Sequence[str], given: dict[str, list[str]]) -> None:
    sys.stdout.write(codec.encode(value).decode() + "\n" if given[_FLAG] else "".join(f"{each}\n" for each in lines))
