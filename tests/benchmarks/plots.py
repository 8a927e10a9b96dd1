"""Draws ``ratios.svg`` and ``rounds.svg`` into the directory named, from the JSON of ``bin/bench`` on standard input.

Runs in an environment of its own, which has matplotlib and nothing of ours. Its colours are seen on light and on dark.
"""

import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

INK, OURS, OTHER, BUDGET = "#7d8590", "#2f81f7", "#bf8700", "#e5534b"


def style() -> None:
    colours = dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "text.color"), INK)
    matplotlib.rcParams.update({**colours, "svg.fonttype": "none", "svg.hashsalt": "trove", "font.size": 10,
                                "font.family": "sans-serif", "axes.spines.top": False, "axes.spines.right": False})


def ratios(found: dict[str, Any]) -> Any:
    figure, axes = pyplot.subplots(figsize=(7.5, 0.5 * len(found) + 1))
    for place, each in enumerate(found.values()):
        pairs = [ours / other for ours, other in zip(each["rounds"]["ours"], each["rounds"]["other"], strict=True)]
        axes.plot([min(pairs), max(pairs)], [place, place], color=OURS, linewidth=2, alpha=0.6)
        axes.plot(each["ratio"], place, "o", color=OURS)
        for budget in each["budgets"]:
            if bound := re.fullmatch(r"≤ ([\d.]+) of the other", budget):
                axes.plot(float(bound[1]), place, "|", color=BUDGET, markersize=18, markeredgewidth=2)
    axes.set_xscale("log")
    axes.axvline(1, color=INK, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()
    axes.set_xlabel("ours over the other side (1: equal)")
    return figure


def rounds(found: dict[str, Any]) -> Any:
    figure, panels = pyplot.subplots(len(found), 1, figsize=(7.5, 1.2 * len(found)))
    for axes, (name, each) in zip(panels, found.items(), strict=True):
        for place, (side, colour) in enumerate((("ours", OURS), ("other", OTHER))):
            values = each["rounds"][side]
            axes.plot(values, [place] * len(values), "o", color=colour, alpha=0.5)
            axes.plot(statistics.median(values), place, "|", color=colour, markersize=16, markeredgewidth=2)
        axes.set_yticks((0, 1), (each["ours"].replace("`", ""), each["other"].replace("`", "")))
        axes.set_ylim(1.6, -0.6)
        axes.set_xlim(left=0)
        axes.set_title(f"{name}, {each['unit']}", loc="left", fontsize=10)
    return figure


def main() -> None:
    found = json.load(sys.stdin)["benchmarks"]
    style()
    for name, draw in (("ratios", ratios), ("rounds", rounds)):
        figure = draw(found)
        figure.tight_layout()
        figure.savefig(Path(sys.argv[1]) / f"{name}.svg", transparent=True, metadata={"Date": None})


if __name__ == "__main__":
    main()
