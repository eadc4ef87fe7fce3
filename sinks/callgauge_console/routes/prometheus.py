"""GET /metrics: the calls of all services, for Prometheus (docs/metrics.md)."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from callgauge_console.parts import Given
from callgauge_console.web.access import Reader
from callgauge_console.web.problems import ProblemError

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response)
def metrics(parts: Given, grant: Reader) -> Response:
    """Counters and histograms of calls by service and model, in Prometheus's text format."""
    if grant.labels:
        raise ProblemError(403, "metrics hold the calls of all services, and this key sees only some of them")
    return Response(generate_latest(parts.registry), media_type=CONTENT_TYPE_LATEST)
