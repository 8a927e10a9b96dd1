"""``docs/benchmarks.md`` speaks of the benchmarks that there are, and a budget judges the figure it names."""

import re

import pytest

from tests.benchmarks import page
from tests.benchmarks.comparison import OURS, RATIO, Budget, Result, interleaved, percentile
from tests.benchmarks.declared import BENCHMARKS

NAMES = [benchmark.name for benchmark in BENCHMARKS]


def test_the_page_has_every_benchmark_in_its_table_and_in_words() -> None:
    written = page.PAGE.read_text()
    assert re.findall(r"^\| \[`([\w-]+)`\]", written, re.MULTILINE) == NAMES
    assert re.findall(r"^## ([\w-]+)$", written, re.MULTILINE) == NAMES


def test_the_page_names_only_plots_that_there_are() -> None:
    named = re.findall(r"\((benchmarks/\w+\.svg)\)", page.PAGE.read_text())
    assert len(named) == 2 and all((page.PAGE.parent / plot).exists() for plot in named)


@pytest.mark.parametrize(("budget", "kept"), [
    (Budget(RATIO, 0.5), True), (Budget(RATIO, 0.49), False), (Budget(OURS, 2, at_most=False), True),
    (Budget(OURS, 2.1, at_most=False), False), (Budget("lag", 7), True), (Budget("lag", 6), False),
])
def test_a_budget_judges_the_figure_that_it_names(budget: Budget, kept: bool) -> None:
    result = Result((1, 2, 9), (4, 4, 4), {"lag": 7})
    assert budget.kept(result.figure(budget.figure)) is kept


def test_sides_are_measured_in_turn_and_the_first_round_does_not_count() -> None:
    asked: list[str] = []
    values = iter(range(6))

    def side(name: str) -> float:
        asked.append(name)
        return next(values)

    result = interleaved(2, lambda: side("a"), lambda: side("b"))
    assert asked == ["a", "b"] * 3 and result == Result((2, 4), (3, 5))


def test_a_percentile_is_one_of_the_values() -> None:
    assert [percentile([3, 1, 2, 4], part) for part in (0, 0.5, 1)] == [1, 3, 4]
