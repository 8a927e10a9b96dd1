"""Every benchmark runs, in its smallest form, and both its sides did something."""

from collections.abc import Iterator

import pytest

from tests.benchmarks.comparison import Scale
from tests.benchmarks.declared import BENCHMARKS, Benchmark
from tests.benchmarks.machinery import Machinery

pytestmark = pytest.mark.server

TINY = Scale(rounds=1, creations=1, seconds=0.2, many=60, calls=40, agents=20, paced_seconds=0.2)


@pytest.fixture(scope="module")
def machinery() -> Iterator[Machinery]:
    with Machinery() as made:
        yield made


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda each: each.name)
def test_both_sides_are_measured(machinery: Machinery, benchmark: Benchmark) -> None:
    result = benchmark.measure(machinery, TINY)
    assert len(result.ours) == len(result.other) == 1
    assert min(*result.ours, *result.other) > 0
    for budget in benchmark.budgets:
        assert result.figure(budget.figure) >= 0
