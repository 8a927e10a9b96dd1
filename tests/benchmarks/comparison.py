"""Two sides measured in turn within one run: what is asked of a benchmark, and what it answers."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

RATIO, OURS = "ratio", "ours"


@dataclass(frozen=True)
class Budget:
    """A bound on a figure: ``RATIO``, the median of ``OURS``, or a further figure by its name."""

    figure: str
    bound: float
    at_most: bool = True

    def kept(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        name = "" if self.figure in (RATIO, OURS) else f"{self.figure} "
        return f"{name}{'≤' if self.at_most else '≥'} {self.bound:g}{' of the other' if self.figure == RATIO else ''}"


@dataclass(frozen=True)
class Result:
    """One value a round of each side, in the benchmark's unit, and what else was seen, by name."""

    ours: tuple[float, ...]
    other: tuple[float, ...]
    further: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Of the medians: ours over the other side."""
        return statistics.median(self.ours) / statistics.median(self.other)

    def figure(self, name: str) -> float:
        """Raises KeyError."""
        found = {**self.further, RATIO: self.ratio, OURS: statistics.median(self.ours)}
        return found[name]


@dataclass(frozen=True)
class Scale:
    """How much is measured. ``seconds``: of a list's round; ``agents`` send one heartbeat each a round."""

    rounds: int = 5
    creations: int = 5
    seconds: float = 1.5
    many: int = 5_000
    calls: int = 600
    agents: int = 2_000
    paced_seconds: float = 6.0

    def __str__(self) -> str:
        return (f"{self.rounds} rounds of each side, {self.creations} of creations; lists for {self.seconds:g} s, "
                f"{self.calls} calls and {self.agents:,} heartbeats a round; {self.many:,} instances in the long list.")


def interleaved(rounds: int, ours: Callable[[], float], other: Callable[[], float]) -> Result:
    """A B A B …, after one round of each that does not count."""
    ours(), other()
    values = [(ours(), other()) for _ in range(rounds)]
    return Result(tuple(first for first, _ in values), tuple(second for _, second in values))


def percentile(values: Sequence[float], part: float) -> float:
    """The value that ``part`` (0 to 1) of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
