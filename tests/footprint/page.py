"""What was measured, with its budget and the reference beside it: on a terminal, and as ``docs/footprint.md``."""

from collections.abc import Iterator, Mapping
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "footprint.md"

Figures = Mapping[str, float]

_EVERY = {"modules": 250, "foreign_modules": 0, "exec_to_serving_s": 0.3, "distributions": 8, "own_lines": 10400}
BUDGET: dict[str, dict[str, float]] = {
    "mariadb": {"anon_mb": 14, "uss_mb": 20, "installed_mb": 12, **_EVERY},
    "mysql": {"own_lines": _EVERY["own_lines"]},
    "postgresql": {"anon_mb": 16, "uss_mb": 24, "installed_mb": 24, **_EVERY},
    "redis": {"anon_mb": 14, "uss_mb": 20, "installed_mb": 12, **_EVERY},
}
"""The most that an agent may cost (docs/architecture.md, "Budgets"). MySQL's runs where its binaries are named; here
only the lines of its release are counted."""

_ANY = {"distributions": 125, "installed_mb": 275, "own_lines": 51057}
REFERENCE: dict[str, dict[str, float]] = {
    "mariadb": {"anon_mb": 84.7, "uss_mb": 103, "rss_mb": 112, "modules": 1808, "exec_to_serving_s": 1.4, **_ANY},
    "postgresql": {"anon_mb": 73.7, "uss_mb": 92, "rss_mb": 100, "modules": 1707, "exec_to_serving_s": 1.45, **_ANY},
    "redis": _ANY,
}
"""OpenStack Trove 26's agent with its manager for the engine, measured on a Debian 12 machine of two cores."""

_MEANINGS = {
    "anon_mb": "anonymous memory, MB", "uss_mb": "memory that is its alone, MB", "rss_mb": "resident memory, MB",
    "modules": "modules imported", "foreign_modules": "of these the control plane's, or another engine's",
    "exec_to_serving_s": "from exec to serving, s", "distributions": "libraries (distributions)",
    "installed_mb": "installed, with the libraries of all engines, MB",
    "own_lines": "lines of our own in a release for this engine",
    "one_file_mb": "the one file, MB", "release_mb": "the release as a directory, MB",
    "first_delivery_bytes": "bytes moved for the first delivery",
    "line_update_bytes": "bytes moved for a line that was changed", "line_update_files": "files moved for that",
    "reporting_s": "from `trovectl host add` to the first report, s",
}
_HEAD = """\
# What an agent costs

Written by `bin/footprint --write`; nothing here is typed by hand. The agent of a fresh instance, idle, with TLS to the
broker and after its database was asked; medians of five lives. Memory, counts and sizes repeat; seconds depend on the
machine. The reference is OpenStack Trove 26's agent with its manager for the engine; `-` where it was not measured.

"""


def text(found: Mapping[str, Figures], delivered: Figures | None) -> str:
    return _HEAD + tables(found, delivered) + "\n"


def tables(found: Mapping[str, Figures], delivered: Figures | None) -> str:
    parts = ["\n".join((f"## {engine}", "", *_rows(figures, BUDGET[engine], REFERENCE[engine])))
             for engine, figures in found.items()]
    if delivered is not None:
        parts.append("\n".join(("## delivery of MariaDB's to a host", "", *_rows(delivered, {}, {}))))
    return "\n\n".join(parts)


def over(engine: str, figures: Figures) -> dict[str, tuple[float, float]]:
    """What is beyond its budget, and the budget."""
    return {name: (figures[name], most) for name, most in BUDGET[engine].items() if figures[name] > most}


def _rows(figures: Figures, budget: Figures, reference: Figures) -> Iterator[str]:
    yield "| | agent | budget | reference | ratio |"
    yield "|---|---|---|---|---|"
    for name, value in figures.items():
        other = reference.get(name)
        ratio = "-" if other is None else f"{value / other:.2f}"
        yield f"| {_MEANINGS[name]} | {value} | {budget.get(name, '')} | {'-' if other is None else other} | {ratio} |"
