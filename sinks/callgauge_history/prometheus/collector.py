"""The product's metrics as a collector that a Prometheus registry can hold."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from callgauge.errors import StoreError
from callgauge.groupings import GroupingSet, parse_groupings
from callgauge.settings import Settings
from callgauge_history.prometheus.families import families
from callgauge_history.prometheus.running import Running
from callgauge_history.store import QueryResult

__all__ = ["ProductCollector", "grouping_for"]

log = logging.getLogger(__name__)

#: Labels that metrics carry, where a grouping set has them.
_LABELS = ("service", "environment", "provider", "model")
#: Two scrapers must not make ClickHouse work twice.
_FRESH_S = 5.0


def grouping_for(settings: Settings) -> GroupingSet | None:
    """The grouping set whose windows are read: by service and model, with the fewest other labels; None without one."""
    sets = [each for each in parse_groupings(settings.groupings) if {"service", "model"} <= set(each.labels)]
    return min(sets, key=lambda each: (len(each.labels), each.window_ms), default=None)


class ProductCollector(Collector):
    """Asks ClickHouse when it is scraped, at most every five seconds.

    While ClickHouse does not answer, `callgauge_metrics_up` is 0 and the last counters stay, so that nothing looks like
    a fall of traffic.
    """

    def __init__(
        self,
        ask: Callable[[str], QueryResult],
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        grouping = grouping_for(settings)
        labels = [label for label in _LABELS if grouping and label in grouping.labels]
        self._running = Running(ask, grouping, labels, settings.metrics_series, now) if grouping else None
        self._clock = clock
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._up = 0
        self._families: list[Metric] = []

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked when the collector is registered."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The families, at most five seconds old."""
        with self._lock:
            if self._running is not None and self._clock() - self._at >= _FRESH_S:
                self._read(self._running)
            yield GaugeMetricFamily("callgauge_metrics_up", "1 if ClickHouse answered the last time.", self._up)
            if self._running is not None:
                text = "Label sets beyond CALLGAUGE_METRICS_SERIES, counted under __other__."
                yield GaugeMetricFamily("callgauge_metrics_folded_series", text, len(self._running.folded))
            yield from self._families

    def _read(self, running: Running) -> None:
        try:
            totals = running.read()
        except StoreError as error:
            if self._up:
                log.warning("metrics of calls stay as they were: %s", error)
            self._up = 0
            return
        self._at, self._up = self._clock(), 1
        self._families = list(families(totals, running.labels))
