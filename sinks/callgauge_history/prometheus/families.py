"""Totals as metric families. Names and buckets are those of OpenTelemetry's gen_ai metrics where these have one.

An exponential histogram of windows becomes a classic one: a bucket counts for `le` if its middle is at most `le`. So a
value within 1.083 % of `le`, the relative error of percentiles, may be counted on its other side.

Source of names and buckets: opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from callgauge_history.prometheus.totals import Distribution, LabelValues, Totals

__all__ = ["families"]

_US_PER_S = 1e6
_NANO = 1e9

#: Upper bounds of OpenTelemetry's buckets.
_DURATION_S = tuple(0.01 * 2**k for k in range(14))
_FIRST_TOKEN_S = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0),
)
_TOKENS = tuple(float(4**k) for k in range(14))


@dataclass(frozen=True)
class _Shape:
    """A measure of windows as a histogram.

    Args:
        per_unit: the windows' units in one of the metric's.
        labels: those that are the same for all its series.
    """

    name: str
    text: str
    measure: str
    bounds: tuple[float, ...]
    per_unit: float
    labels: Mapping[str, str] = field(default_factory=dict)


_SHAPES = (
    _Shape(
        "gen_ai_client_operation_duration_seconds",
        "Start to end of successful calls.",
        "latency",
        _DURATION_S,
        _US_PER_S,
    ),
    _Shape(
        "gen_ai_server_time_to_first_token_seconds",
        "Start to first token, where it is known.",
        "ttft",
        _FIRST_TOKEN_S,
        _US_PER_S,
    ),
    _Shape(
        "gen_ai_client_token_usage",
        "Output tokens of a call; input tokens are in callgauge_tokens_total.",
        "output_tokens",
        _TOKENS,
        1.0,
        {"gen_ai_token_type": "output"},
    ),
)

#: Our label -> the attribute that OpenTelemetry has for it, as Prometheus writes it.
_ATTRIBUTES = {
    "service": "service_name",
    "environment": "deployment_environment_name",
    "provider": "gen_ai_provider_name",
    "model": "gen_ai_request_model",
}

_COUNTERS = {
    "n": ("callgauge_calls", "Calls of models."),
    "fallbacks": ("callgauge_fallbacks", "Calls answered by another model or provider than the one asked."),
    "cancelled": ("callgauge_cancelled", "Calls that the caller stopped."),
    "cache_hits": ("callgauge_cache_hits", "Calls answered from a cache."),
    "cache_hits_exact": ("callgauge_cache_hits_exact", "Of these, from one that looks for the same request."),
    "cache_hits_semantic": ("callgauge_cache_hits_semantic", "From one that looks for a request of the same meaning."),
    "rate_limited": ("callgauge_rate_limited", "Calls that met a rate limit."),
    "retries": ("callgauge_retries", "Attempts after the first."),
}
_TOKEN_KINDS = {
    "input_tokens": "input",
    "output_tokens_sum": "output",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    "reasoning_tokens": "reasoning",
}


def families(totals: Mapping[LabelValues, Totals], labels: Sequence[str]) -> Iterator[Metric]:
    """All families of the product, for a scrape."""
    yield from _counters(totals, labels)
    named = [_ATTRIBUTES[label] for label in labels]
    for shape in _SHAPES:
        yield _histogram(shape, totals, named)


def _counters(totals: Mapping[LabelValues, Totals], labels: Sequence[str]) -> Iterator[Metric]:
    for column, (name, text) in _COUNTERS.items():
        family = CounterMetricFamily(name, text, labels=labels)
        for values, total in totals.items():
            family.add_metric(values, total.counts[column])
        yield family
    errors = CounterMetricFamily("callgauge_errors", "Failed calls.", labels=[*labels, "error_type"])
    tokens_text = "Tokens: input includes cached ones, output includes reasoning."
    tokens = CounterMetricFamily("callgauge_tokens", tokens_text, labels=[*labels, "token_type"])
    cost = CounterMetricFamily("callgauge_cost_usd", "Cost in US dollars.", labels=labels)
    for values, total in totals.items():
        for kind, count in sorted(total.errors.items()):
            errors.add_metric((*values, kind), count)
        for column, kind in _TOKEN_KINDS.items():
            tokens.add_metric((*values, kind), total.counts[column])
        cost.add_metric(values, total.counts["cost_sum"] / _NANO)
    yield from (errors, tokens, cost)


def _histogram(shape: _Shape, totals: Mapping[LabelValues, Totals], labels: Sequence[str]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(shape.name, shape.text, labels=[*labels, *shape.labels])
    for values, total in totals.items():
        distribution = total.histograms[shape.measure]
        if distribution.count:
            counts = _cumulative(distribution, [bound * shape.per_unit for bound in shape.bounds])
            buckets = [(f"{bound:.10g}", float(n)) for bound, n in zip(shape.bounds, counts, strict=True)]
            buckets.append(("+Inf", float(distribution.count)))
            family.add_metric((*values, *shape.labels.values()), buckets, distribution.total / shape.per_unit)
    return family


def _cumulative(distribution: Distribution, bounds: Sequence[float]) -> list[int]:
    """How many values are at most each bound; bucket i has the middle base^(i + 1/2)."""
    ordered = sorted(distribution.buckets.items())
    counts, at, seen = [], 0, distribution.zero_count
    for bound in bounds:
        while at < len(ordered) and math.exp2((ordered[at][0] + 0.5) * 2.0**-distribution.scale) <= bound:
            seen += ordered[at][1]
            at += 1
        counts.append(min(seen, distribution.count))
    return counts
