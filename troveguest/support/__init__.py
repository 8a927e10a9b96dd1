"""For when something is wrong: what the doctor finds, the orders in the journal, and a bundle to give to somebody else.

Each of them looks on from outside, while an agent runs or when it is dead, and changes nothing.
"""

import getopt
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from common.contract import codec
from common.errors import Invalid, NotFound

from ..host.layout import Layout
from . import bundle, doctor, orders


def main(words: Sequence[str]) -> int:
    """The command ``doctor``, ``journal`` or ``support-bundle``; the exit code. Raises TroveError, OSError."""
    top = Path(__file__).resolve().parents[5]  # this is TOP/releases/HASH/lib/troveguest/support
    try:
        given, more = getopt.getopt(list(words[1:]), "o:", ["json", "config-dir="])
    except getopt.GetoptError as error:
        given, more = [], [str(error)]
    if more:
        raise Invalid(f"What is given is not understood: {more[0]}.", "Look at: trove-guestagent help.")
    homes = [Path(value).absolute().parent for name, value in given if name == "--config-dir"]
    layouts = [Layout(home) for home in homes or sorted(top.glob("instances/*-*"))]
    as_json = ("--json", "") in given
    if words[0] == "doctor":
        found = doctor.report(layouts, top)
        healthy = all(each.level != "failed" for each in found)
        _print(as_json, {"healthy": healthy, "findings": found}, (
            f"{each.level:8}{each.check:23}{each.sentence} {each.remedy}".rstrip() for each in found))
        return 0 if healthy else 1
    if not layouts:
        raise NotFound(f"No instance is seen in {top}.", "Be root, or name its configuration: --config-dir DIRECTORY.")
    if words[0] == "journal":
        listed = [entry for layout in layouts for entry in orders.entries(layout)]
        _print(as_json, listed, map(orders.line, listed))
    else:
        made = bundle.write(layouts, top, dict(given).get("-o", ""))
        sys.stdout.write(f"{made}: look into it before you give it away.\n")
    return 0


def _print(as_json: bool, value: object, lines: Iterable[str]) -> None:
    sys.stdout.write("\n".join([codec.encode(value).decode()] if as_json else lines) + "\n")
