"""Measures Trove against what it stands on, both sides in one run: ``bin/bench``."""

import argparse
import json
import signal
import statistics
import sys
from dataclasses import asdict

from tests.benchmarks import page
from tests.benchmarks.comparison import Result, Scale
from tests.benchmarks.declared import BENCHMARKS, Benchmark
from tests.benchmarks.machinery import Machinery


def measured(chosen: list[Benchmark], scale: Scale) -> dict[str, Result]:
    """Results by name, each said on standard error when it is there."""
    results = {}
    with Machinery() as machinery:
        for benchmark in chosen:
            results[benchmark.name] = result = benchmark.measure(machinery, scale)
            print(f"{benchmark.name}: {line(benchmark, result)}", file=sys.stderr, flush=True)
    return results


def line(benchmark: Benchmark, result: Result) -> str:
    further = ", ".join(f"{name} {value:.4g}" for name, value in result.further.items())
    return (f"{page.spread(result.ours)} against {page.spread(result.other)} {benchmark.unit}, ratio {result.ratio:.2f}"
            f"{', ' + further if further else ''}; {page.judgment(benchmark, result)}")


def as_json(chosen: list[Benchmark], results: dict[str, Result]) -> dict[str, object]:
    found = {}
    for benchmark in chosen:
        result = results[benchmark.name]
        found[benchmark.name] = {
            "unit": benchmark.unit, "ours": benchmark.ours, "other": benchmark.other, "ratio": result.ratio,
            "medians": [statistics.median(result.ours), statistics.median(result.other)], "rounds": asdict(result),
            "budgets": {str(budget): budget.kept(result.figure(budget.figure)) for budget in benchmark.budgets}}
    return {"machine": page.machine(), "benchmarks": found}


def main() -> int:
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its plots")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))  # so that nothing is left running
    if asked.write and asked.only:
        parser.error("the page shows all benchmarks: --write takes no --only")
    scale = Scale()
    chosen = [benchmark for benchmark in BENCHMARKS if benchmark.name in (asked.only or names)]
    results = measured(chosen, scale)
    if asked.json:
        print(json.dumps(as_json(chosen, results)))
    else:
        print(page.table(chosen, results))
    if asked.write:
        page.write(as_json(chosen, results), results, scale)
    return 0 if all(page.kept(benchmark, results[benchmark.name]) for benchmark in chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
