"""The figures behind the declared metrics, of one control plane: counted as things happen, or read when asked for."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics import exposition
from prometheus_client.registry import Collector

from . import declared
from .declared import Kind

CONTENT_TYPE = exposition.CONTENT_TYPE_LATEST

Sample = tuple[declared.Metric, tuple[str, ...], float]
Source = Callable[[], Iterable[Sample]]
"""Looks now. An info's value is not shown."""

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Figures:
    """Usable from any thread."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._ended = self._counter(declared.OPERATIONS_ENDED)
        self._took = self._histogram(declared.OPERATION_SECONDS)
        self._answered = self._histogram(declared.REQUEST_SECONDS)
        self._sources = _Sources()
        self._registry.register(self._sources)
        ProcessCollector(registry=self._registry)

    def read_from(self, source: Source) -> None:
        """Asks ``source`` at every scrape."""
        self._sources.all.append(source)

    def operation_ended(self, kind: str, step: str, outcome: str, seconds: float) -> None:
        """``outcome``: done, failed or cancelled; ``step``: the last one that was begun, perhaps empty."""
        self._ended.labels(kind, step or "none", outcome).inc()
        self._took.labels(kind).observe(seconds)

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A client may send any word as ``method``; those that there are not are counted as one."""
        self._answered.labels(method if method in _METHODS else "other", route, str(status)).observe(seconds)

    def scrape(self) -> bytes:
        """OpenMetrics text. Raises what a source raises."""
        shown: bytes = exposition.generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return shown

    def _counter(self, metric: declared.Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self._registry)

    def _histogram(self, metric: declared.Metric) -> Histogram:
        return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self._registry)


class _Sources(Collector):
    """Gathers what all sources say now, metric by metric."""

    def __init__(self) -> None:
        self.all: list[Source] = []

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering it asks no source yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for source in self.all:
            for metric, labels, value in source():
                family = families.setdefault(metric.name, _family(metric))
                _add(family, metric, labels, value)
        yield from families.values()


def _family(metric: declared.Metric) -> Metric:
    if metric.kind is Kind.INFO:
        return InfoMetricFamily(metric.name, metric.help)
    if metric.kind is Kind.COUNTER:
        return CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)


def _add(family: Metric, metric: declared.Metric, labels: tuple[str, ...], value: float) -> None:
    if isinstance(family, InfoMetricFamily):
        family.add_metric((), dict(zip(metric.labels, labels, strict=True)))
    elif isinstance(family, (CounterMetricFamily, GaugeMetricFamily)):
        family.add_metric(labels, value)
