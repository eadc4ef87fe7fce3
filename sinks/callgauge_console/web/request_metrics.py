"""What Prometheus is told of the requests to the API: how many, how they were answered, how long they took."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import Scope

__all__ = ["RequestMetrics"]

_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0)


class RequestMetrics:
    """See above."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "callgauge_console_requests", "Requests to the API.", ("route", "status"), registry=registry
        )
        self._seconds = Histogram(
            *("callgauge_console_request_duration_seconds", "Until the answer was sent.", ("route",)),
            buckets=_BUCKETS_S,
            registry=registry,
        )

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """One request.

        Args:
            scope: after it was answered: it names the route, if there is one; so the names are few.
        """
        route = str(getattr(scope.get("route"), "path", ""))
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
