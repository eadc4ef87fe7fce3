"""Metrics of the processes that consume with an `Intake`: what they are done with, and how far they are behind.

Names and the label `app` are those of the stream workers, so that one rule watches all processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_intake.consumer import Intake

__all__ = ["Counted", "serve_metrics"]


@dataclass(frozen=True)
class Counted:
    """A number that somebody else keeps.

    Args:
        name: without `callgauge_` and `_total`.
        read: values of `labels` -> the number now.
        falls: it may also become less: a gauge. Else it is a counter.
    """

    name: str
    text: str
    labels: tuple[str, ...]
    read: Callable[[], Mapping[tuple[str, ...], float]]
    falls: bool = False


def serve_metrics(settings: Settings, app: str, intakes: Sequence[Intake], counted: Sequence[Counted]) -> None:
    """Answer on the configured address, from a thread of its own; port 0: not at all.

    Raises:
        SettingError: the port cannot be used.
    """
    if not settings.metrics_port:
        return
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Read(app, intakes, counted))
    try:
        start_http_server(settings.metrics_port, settings.metrics_host, registry)
    except OSError as error:
        address = f"{settings.metrics_host}:{settings.metrics_port}"
        raise SettingError(f"CALLGAUGE_METRICS_PORT: metrics cannot be served on {address}: {error}") from error


class _Read(Collector):
    """Reads everything when it is scraped, so that it is right even when a worker hangs."""

    def __init__(self, app: str, intakes: Sequence[Intake], counted: Sequence[Counted]) -> None:
        self._app, self._intakes, self._counted = app, intakes, counted

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        for each in self._counted:
            family = GaugeMetricFamily if each.falls else CounterMetricFamily
            metric = family(f"callgauge_{each.name}", each.text, labels=("app", *each.labels))
            for values, number in each.read().items():
                metric.add_metric((self._app, *values), number)
            yield metric
        text = "High watermark minus the position, of what was fetched so far."
        lag = GaugeMetricFamily("callgauge_lag_records", text, labels=("app", "topic", "partition"))
        for intake in self._intakes:
            for (topic, partition), behind in intake.lag().items():
                lag.add_metric((self._app, topic, str(partition)), behind)
        yield lag
