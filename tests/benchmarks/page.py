"""``docs/benchmarks.md``: the table, what it was measured on, and how to read it."""

import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from tests.benchmarks.comparison import Result, Scale
from tests.benchmarks.declared import BENCHMARKS, Benchmark
from tests.benchmarks.machinery import CHECKOUT
from tests.trove import postgresql

PAGE = CHECKOUT / "docs" / "benchmarks.md"
PLOTS = CHECKOUT / "docs" / "benchmarks"
PLOTTER = CHECKOUT / ".venvs" / "bench" / "bin" / "python"

_HEAD = """\
# Benchmarks

Written by `bin/bench --write`; nothing here is typed by hand. Each benchmark measures two sides in one run and in turn
(A B A B …), so that a busy or slow machine meets both: **trust the ratios, not the figures**.

"""
_READING = """
## How to read it

Values are *median (least to most)* of the rounds; the ratio is that of the medians, ours over the other side. A budget
*of the other* is one on the ratio, another one on our own side or on what it names. For times and memory less is
better, for requests and heartbeats per second more. `bin/bench` ends with exit code 1 when a budget is missed,
`bin/bench --json` gives every round, `bin/bench --only NAME` one benchmark.

![Ratios and their budgets](benchmarks/ratios.svg)

A line goes from the least to the most that two rounds side by side had; the dot is the ratio of the medians, the
upright mark the budget.

![Every round of both sides](benchmarks/rounds.svg)

"""


def table(chosen: Sequence[Benchmark], results: dict[str, Result]) -> str:
    lines = ["| Benchmark | Unit | Ours | Other side | Ratio | Further | Budget | |", "|" + "---|" * 8]
    for benchmark in chosen:
        result = results[benchmark.name]
        further = ", ".join(f"{name} {value:.3g}" for name, value in result.further.items())
        lines.append(f"| [`{benchmark.name}`](#{benchmark.name}) | {benchmark.unit} | {spread(result.ours)} "
                     f"| {spread(result.other)} | {result.ratio:.2f} | {further} "
                     f"| {', '.join(map(str, benchmark.budgets))} | {judgment(benchmark, result)} |")
    return "\n".join(lines)


def spread(values: Sequence[float]) -> str:
    return f"{_number(statistics.median(values))} ({_number(min(values))} to {_number(max(values))})"


def judgment(benchmark: Benchmark, result: Result) -> str:
    return "kept" if kept(benchmark, result) else "**missed**"


def kept(benchmark: Benchmark, result: Result) -> bool:
    return all(budget.kept(result.figure(budget.figure)) for budget in benchmark.budgets)


def machine() -> dict[str, str]:
    """What the figures depend on; nothing that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    programs = {"MariaDB": ("mariadbd", "--version"), "RabbitMQ": ("dpkg-query", "-W", "rabbitmq-server"),
                "PostgreSQL": (str((postgresql.binaries() or Path()) / "postgres"), "--version")}
    return {"cores": str(os.cpu_count()), "memory": f"{memory:.0f} GB", "kernel": platform.release().split("-")[0],
            "Python": platform.python_version(), **{name: _version(command) for name, command in programs.items()},
            **{name: metadata.version(name) for name in ("oslo.messaging", "falcon", "cheroot", "SQLAlchemy")}}


def write(found: dict[str, object], results: dict[str, Result], scale: Scale) -> None:
    """The page and its plots."""
    facts = ", ".join(f"{name} {value}" for name, value in machine().items())
    sections = "\n".join(f"## {each.name}\n\nOurs: {each.ours}. Other side: {each.other}.\n\n{each.text}\n"
                         for each in BENCHMARKS)
    measured = f"Measured on: {facts}.\n\nMeasured: {scale}\n"
    PAGE.write_text(f"{_HEAD}{table(BENCHMARKS, results)}\n\n{measured}{_READING}{sections}")
    PLOTS.mkdir(exist_ok=True)
    subprocess.run([PLOTTER, "-I", CHECKOUT / "tests" / "benchmarks" / "plots.py", PLOTS], check=True, text=True,
                   input=json.dumps(found))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _version(command: Sequence[str]) -> str:
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"\d+\.\d+(\.\d+)?", printed)
    assert found is not None, printed
    return found[0]
