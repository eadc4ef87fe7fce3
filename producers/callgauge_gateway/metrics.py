"""What the gateway counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_gateway.batch import Batch, Refusal

__all__ = ["Metrics"]

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# Reasons of refusals that are counted by field; the field of a message may come from anybody.
_MOST_FIELDS = 50
#: Services that are counted by name.
_MOST_SERVICES = 1_000


class Metrics:
    """The counters of one process. Paths are ours, fields and services are bounded in number."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter("callgauge_gateway_requests", "Requests.", ("path", "status"), registry=self._registry)
        self._seconds = Histogram(
            "callgauge_gateway_seconds", "From request to answer.", ("path",), buckets=_SECONDS, registry=self._registry
        )
        self._events = Counter("callgauge_gateway_events", "Events taken.", ("path",), registry=self._registry)
        self._by_service = Counter(
            "callgauge_gateway_service_events", "Events taken of each service.", ("service",), registry=self._registry
        )
        self._refused = Counter(
            "callgauge_gateway_refused", "Events refused.", ("path", "field"), registry=self._registry
        )
        self._passed_over = Counter(
            "callgauge_gateway_passed_over",
            "Spans and log records that tell nothing of an LLM application.",
            ("path",),
            registry=self._registry,
        )
        self._limited = Counter(
            "callgauge_gateway_limited", "Requests answered 429 for their rate.", ("service",), registry=self._registry
        )
        self._fields: set[str] = set()
        self._services: set[str] = set()

    def watch(self, in_flight: Callable[[], int], folded: Callable[[], int]) -> None:
        """Show numbers that others know."""
        gauge = Gauge("callgauge_gateway_in_flight", "Events that wait for the broker.", registry=self._registry)
        gauge.set_function(in_flight)
        Gauge(
            "callgauge_gateway_folded", "Calls of this hour with a label made __other__.", registry=self._registry
        ).set_function(folded)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def taken(self, path: str, batch: Batch, refusals: Iterable[Refusal]) -> None:
        """The bus has a batch."""
        self._events.labels(path).inc(batch.taken)
        for service, count in batch.services.items():
            self._by_service.labels(_bounded(service, self._services, _MOST_SERVICES)).inc(count)
        if batch.passed_over:
            self._passed_over.labels(path).inc(batch.passed_over)
        for refusal in refusals:
            self._refused.labels(path, _bounded(refusal.field, self._fields, _MOST_FIELDS)).inc()

    def limited(self, services: Mapping[str, int]) -> None:
        """A request was refused for the rate of its services."""
        for service in services:
            self._limited.labels(_bounded(service, self._services, _MOST_SERVICES)).inc()

    def serve(self, settings: Settings) -> None:
        """Answer on the configured address, from a thread of its own; port 0: not at all.

        Raises:
            SettingError: the port cannot be used.
        """
        if not settings.metrics_port:
            return
        try:
            start_http_server(settings.metrics_port, settings.metrics_host, self._registry)
        except OSError as error:
            address = f"{settings.metrics_host}:{settings.metrics_port}"
            raise SettingError(f"CALLGAUGE_METRICS_PORT: metrics cannot be served on {address}: {error}") from error


def _bounded(name: str, known: set[str], most: int) -> str:
    if name in known:
        return name
    if len(known) >= most:
        return "__other__"
    known.add(name)
    return name
