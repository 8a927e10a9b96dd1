"""The steps of long work while somebody waits: a line each, on a terminal with a bar for how far it is."""

import time
from types import TracebackType

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from . import output

WHOLE = 100.0


class Steps:
    """On standard error, so that standard output stays what was asked for. A context manager."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._step = self._sentence = ""
        self._task: TaskID | None = None
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"), TextColumn("{task.description}"),
            BarColumn(bar_width=24), TimeElapsedColumn(), console=output.complaints,
        ) if output.complaints.is_terminal else None

    def __enter__(self) -> "Steps":
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None,
                 _trace: TracebackType | None) -> None:
        if self._bars:
            if kind is None:
                self._finish(self._bars)
            self._bars.stop()

    def tell(self, step: str, sentence: str, percent: float | None = None) -> None:
        """``percent`` None: nobody knows how far the step is."""
        if self._bars:
            self._draw(self._bars, step, sentence, percent)
        elif sentence != self._sentence:
            passed = time.monotonic() - self._begun
            output.complaints.print(f"{passed:6.1f} s  {escape(sentence)}")
        self._step, self._sentence = step, sentence

    def _draw(self, bars: Progress, step: str, sentence: str, percent: float | None) -> None:
        if self._task is None or step != self._step:
            self._finish(bars)
            self._task = bars.add_task("", total=None)
        bars.update(self._task, description=escape(sentence), completed=percent or 0.0,
                    total=None if percent is None else WHOLE)

    def _finish(self, bars: Progress) -> None:
        if self._task is not None:
            bars.update(self._task, total=WHOLE, completed=WHOLE)
