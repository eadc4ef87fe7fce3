"""Providers that answer more slowly: at once, little by little, or only with the first token."""

from __future__ import annotations

import numpy as np

from callgauge_load.incidents.kind import Hit, Kind
from callgauge_load.made.batch import ERROR, Array, Batch

__all__ = ["KINDS"]


def _slower(hit: Hit, factor: Array) -> Batch:
    batch = hit.batch
    answered = (batch.status != ERROR) & ~batch.cache_hit
    by = factor[answered]
    return batch.put(answered, latency_ms=batch.latency_ms[answered] * by, ttft_ms=batch.ttft_ms[answered] * by)


def _step(hit: Hit) -> Batch:
    return _slower(hit, np.full(len(hit.batch), hit.severity))


def _drift(hit: Hit) -> Batch:
    return _slower(hit, 1 + (hit.severity - 1) * hit.progress)


def _first_token(hit: Hit) -> Batch:
    batch = hit.batch
    streamed = (batch.ttft_ms > 0) & (batch.status != ERROR)
    more_ms = batch.ttft_ms[streamed] * (hit.severity - 1)
    return batch.put(
        streamed, latency_ms=batch.latency_ms[streamed] + more_ms, ttft_ms=batch.ttft_ms[streamed] + more_ms
    )


_LATENCY = (
    "latency_p50_ms",
    "latency_p90_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "latency_mean_ms",
    "ms_per_output_token",
)
_TTFT = ("ttft_p50_ms", "ttft_p90_ms", "ttft_p95_ms", "ttft_p99_ms", "ttft_mean_ms")

KINDS = (
    Kind(
        "latency_step", _step, 3.0, 1.2, 50.0, "times as slow", ("provider",), _LATENCY + _TTFT,
        "{scope} answers {severity:g} times as slowly, all at once. Ask the provider, or send traffic elsewhere.",
    ),
    Kind(
        "latency_drift", _drift, 3.0, 1.2, 50.0, "times as slow at the end", ("provider",), _LATENCY + _TTFT,
        "{scope} gets slower little by little, up to {severity:g} times. Look for growing prompts, queues or load.",
        slow=True,
    ),
    Kind(
        "ttft_regression", _first_token, 4.0, 1.2, 50.0, "times as long until the first token", ("provider",), _TTFT,
        "{scope} takes {severity:g} times as long until the first token; the rest of the answer is as fast as before."
        " Look at its queue, and at prompt caching.",
    ),
)  # fmt: skip
