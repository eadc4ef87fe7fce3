"""The workers' metrics: every name, and the page they are served on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_streams.bus.position import Reading

__all__ = ["Metrics"]

_PARTITION = ("topic", "partition")
#: Topic and number, as in `faust.types.TP`.
Partition = tuple[str, int]


class Metrics:
    """What one worker counts. Each metric also carries the label `app`, the worker's role."""

    def __init__(self, role: str) -> None:
        self.role = role
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._processed = self._counter("processed_records", "Records that the worker is done with.", _PARTITION)
        self._watermark = Gauge(
            "callgauge_watermark_seconds",
            "Event time (epoch seconds) up to which a partition is believed complete.",
            ("app", *_PARTITION),
            registry=self._registry,
        )
        self._rows_sent = self._counter("rows_sent", "Window rows that the broker has acknowledged.")
        self._closed = self._counter("blocks_closed", "Blocks that ended, all their rows confirmed.")
        self._outcomes = {
            name: self._counter(name, help_)
            for name, help_ in {
                "duplicates": "Events in closed blocks that were seen shortly before, and not counted again.",
                "differing": "Of the duplicates in closed blocks, those with other content: an id was used twice.",
                "dead": "Records in closed blocks that could not be read.",
                "folded": "Events in closed blocks counted under __other__: their service had too many series.",
                "late": "Events in closed blocks appended later than the out-of-orderness bound after their time.",
            }.items()
        }
        self._lost = self._counter("lost_offsets", "Offsets that retention ate before they were counted.", _PARTITION)
        self._scores_sent = self._counter("scores_sent", "Scores that the broker has acknowledged.")
        self._unreadable = self._counter("unreadable_records", "Records without scores, since they could not be read.")
        self._judgements = self._counter(
            "judgements",
            "Sampled answers by outcome: judged, cached, unparsable, failed, budget, limited.",
            ("outcome",),
        )
        self._embeddings = self._counter(
            "embeddings", "Sampled answers by outcome: scored, failed, limited.", ("outcome",)
        )
        self._rebalances = self._counter("rebalances", "Times the group took partitions back to share them out anew.")

    def _counter(self, name: str, help_: str, labels: tuple[str, ...] = ()) -> Any:
        """A counter; without labels of its own it is there from the start, at 0."""
        counter = Counter(f"callgauge_{name}", help_, ("app", *labels), registry=self._registry)
        return counter if labels else counter.labels(self.role)

    def processed(self, tp: Partition, records: int) -> None:
        """The worker is done with a chunk."""
        self._processed.labels(self.role, *tp).inc(records)

    def rebalanced(self) -> None:
        """The group took the partitions back, to share them out anew."""
        self._rebalances.inc()

    def rows_sent(self, rows: int) -> None:
        """Rows were acknowledged."""
        self._rows_sent.inc(rows)

    def scores_sent(self, scores: int) -> None:
        """Scores were acknowledged."""
        self._scores_sent.inc(scores)

    def judged(self, outcome: str, answers: int) -> None:
        """Answers of the judge's sample had this outcome."""
        self._judgements.labels(self.role, outcome).inc(answers)

    def embedded(self, outcome: str, answers: int) -> None:
        """Answers whose embeddings were wanted had this outcome."""
        self._embeddings.labels(self.role, outcome).inc(answers)

    def unreadable(self) -> None:
        """A record could not be read."""
        self._unreadable.inc()

    def block_closed(self, summary: Any) -> None:
        """A block has ended, with this summary."""
        self._closed.inc()
        for name, counter in self._outcomes.items():
            counter.inc(getattr(summary, name))

    def watermark(self, tp: Partition, watermark_ms: int) -> None:
        """How far a source is; one that has had no event yet has no watermark."""
        if watermark_ms > 0:
            self._watermark.labels(self.role, *tp).set(watermark_ms / 1000)

    def lost(self, tp: Partition, offsets: int) -> None:
        """Retention has deleted records before the worker counted them."""
        self._lost.labels(self.role, *tp).inc(offsets)

    def forget(self, tp: Partition) -> None:
        """Drop the metrics of a partition that another worker has now."""
        with suppress(KeyError):
            self._watermark.remove(self.role, *tp)

    def serve(self, settings: Settings, read: Callable[[], Mapping[Any, Reading]]) -> None:
        """Answer on the configured address, from a thread of its own; port 0: not at all.

        Args:
            read: asked for the partitions' lag at each scrape.

        Raises:
            SettingError: the port cannot be used.
        """
        if not settings.metrics_port:
            return
        self._registry.register(_Lag(self.role, read))
        try:
            start_http_server(settings.metrics_port, settings.metrics_host, self._registry)
        except OSError as error:
            address = f"{settings.metrics_host}:{settings.metrics_port}"
            raise SettingError(f"CALLGAUGE_METRICS_PORT: metrics cannot be served on {address}: {error}") from error


class _Lag(Collector):
    """Computes lag when it is asked for, so that it is right even when the worker hangs."""

    def __init__(self, role: str, read: Callable[[], Mapping[Any, Reading]]) -> None:
        self._role, self._read = role, read

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield self._family()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = self._family()
        for (topic, partition), reading in self._read().items():
            family.add_metric([self._role, topic, str(partition)], reading.lag)
        yield family

    def _family(self) -> GaugeMetricFamily:
        text = "High watermark minus the processed position."
        return GaugeMetricFamily("callgauge_lag_records", text, labels=("app", *_PARTITION))
