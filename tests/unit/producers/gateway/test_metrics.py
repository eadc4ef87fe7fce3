"""What the gateway counts is on its page, and nobody can make that page grow without end."""

from __future__ import annotations

from prometheus_client import generate_latest

from callgauge_gateway.batch import Batch, Refusal
from callgauge_gateway.metrics import Metrics
from tests.gateway.served import Served


def page(metrics: Metrics) -> str:
    return generate_latest(metrics._registry).decode()


def test_every_outcome_is_counted() -> None:
    """Requests by status, events by path and service, refusals by field, spans passed over."""
    served = Served(per_s=1)
    served.post("/v1/calls", [{"service": "s"}] * 3 + [{"model": "m"}])
    served.post("/v1/calls", {"service": "s"})
    served.post("/v1/metrics", {"resourceMetrics": []})
    served.metrics.watch(lambda: 7, lambda: 2)
    text = page(served.metrics)
    for line in (
        'callgauge_gateway_requests_total{path="/v1/calls",status="200"} 1.0',
        'callgauge_gateway_requests_total{path="/v1/calls",status="429"} 1.0',
        'callgauge_gateway_events_total{path="/v1/calls"} 3.0',
        'callgauge_gateway_service_events_total{service="s"} 3.0',
        'callgauge_gateway_refused_total{field="service",path="/v1/calls"} 1.0',
        'callgauge_gateway_limited_total{service="s"} 1.0',
        'callgauge_gateway_passed_over_total{path="/v1/metrics"} 1.0',
        'callgauge_gateway_seconds_count{path="/v1/calls"} 2.0',
        "callgauge_gateway_in_flight 7.0",
        "callgauge_gateway_folded 2.0",
    ):
        assert line in text


def test_the_page_does_not_grow_without_end() -> None:
    """Services and fields beyond a number are counted together."""
    metrics, batch = Metrics(), Batch()
    for n in range(3_000):
        batch.services[f"s{n}"] += 1
        batch.refusals.append(Refusal(n, f"f{n}", "why"))
    metrics.taken("/v1/calls", batch, batch.refusals)
    text = page(metrics)
    assert 'callgauge_gateway_service_events_total{service="__other__"} 2000.0' in text
    assert 'callgauge_gateway_refused_total{field="__other__",path="/v1/calls"} 2950.0' in text
