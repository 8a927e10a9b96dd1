"""What a command prints: tables or one JSON document, errors as a sentence with its remedy; and the exit codes."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from common.errors import TroveError, Unreachable
from trove.domain.words import visible

FAILED, UNREACHABLE = 1, 3
EXIT_CODES = ("Exit codes: 0 it is done; 1 it was refused or failed; 2 the command line is wrong; "
              "3 the control plane, or the instance's agent, cannot be reached.")

WIDE = 1000
"""Columns of a table where nobody looks on: what reads it there wants whole lines."""

console = Console(highlight=False, soft_wrap=True)
complaints = Console(stderr=True, highlight=False, soft_wrap=True)


class Output:
    """``as_json``: standard output has exactly one JSON document, of an error too; the rest is on standard error."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._kept: dict[str, object] = {}

    def keep(self, **members: object) -> None:
        """What the document has in it even when the command fails from now on."""
        self._kept |= members

    def document(self, document: object) -> None:
        """Prints ``document`` where JSON is asked for."""
        if self.as_json:
            typer.echo(visible(json.dumps(document, ensure_ascii=False), lambda sign: json.dumps(sign)[1:-1]))

    def rows(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Prints a table, unless JSON is asked for."""
        if self.as_json:
            return
        shown = Table(*(column for column in columns), box=None, pad_edge=False, header_style="bold")
        for column in shown.columns:
            column.overflow = "fold"
        for row in rows:
            shown.add_row(*(Text(visible(_cell(value))) for value in row))
        (console if console.is_terminal else Console(width=WIDE)).print(shown, soft_wrap=False)

    def say(self, sentence: str) -> None:
        """Prints a sentence, unless JSON is asked for."""
        if not self.as_json:
            console.print(escape(visible(sentence)))

    @contextmanager
    def reported(self) -> Iterator[None]:
        """An error is a sentence with its remedy on standard error, and an exit code."""
        try:
            yield
        except TroveError as error:
            complaints.print(f"[red]{escape(visible(error.sentence()))}[/red]")
            self.document(self._kept | {
                "error": {"code": error.code, "message": error.message, "hint": error.hint}})
            raise typer.Exit(UNREACHABLE if isinstance(error, Unreachable) else FAILED) from None


def is_asked_by_a_person() -> bool:
    """Whether a question would reach somebody."""
    return sys.stdin.isatty()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
