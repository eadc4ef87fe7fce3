"""The answers in plain Python and NumPy, from the events, with nothing of the code under test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from callgauge.schema import Call
from callgauge.units import nanodollars

__all__ = ["answered", "cost_usd", "end_ms", "grouped", "latencies", "percentile", "totals"]


def end_ms(call: Call) -> int:
    return int(call.ts * 1e3 + (call.latency_ms or 0.0))


def answered(calls: Iterable[Call]) -> list[Call]:
    return [c for c in calls if c.status not in ("error", "cancelled") and c.latency_ms is not None]


def latencies(calls: Iterable[Call]) -> list[float]:
    """Of answered calls, ms."""
    return [call.latency_ms for call in answered(calls) if call.latency_ms is not None]


def cost_usd(calls: Iterable[Call]) -> Decimal:
    """To the nano-dollar."""
    return Decimal(sum(nanodollars(c.cost_usd) for c in calls if c.cost_usd is not None)).scaleb(-9)


def percentile(values: Sequence[float], q: float) -> float | None:
    """The value of 0-based rank floor(q (n - 1))."""
    return float(np.quantile(values, q, method="lower")) if len(values) else None


def totals(calls: Sequence[Call]) -> dict[str, Any]:
    return {
        "calls": len(calls),
        "errors": sum(c.status == "error" for c in calls),
        "fallbacks": sum(c.status == "fallback" for c in calls),
        "cancelled": sum(c.status == "cancelled" for c in calls),
        "cache_hits": sum(c.cache_hit for c in calls),
        "cache_hits_exact": sum(c.cache_hit and c.cache_level == "exact" for c in calls),
        "cache_hits_semantic": sum(c.cache_hit and c.cache_level == "semantic" for c in calls),
        "rate_limited": sum(c.error_type == "rate_limit" or c.http_status == 429 for c in calls),
        "retries": sum(c.retry_count for c in calls),
        "input_tokens": sum(c.input_tokens or 0 for c in calls),
        "output_tokens": sum(c.output_tokens or 0 for c in calls),
        "cache_read_tokens": sum(c.cache_read_tokens or 0 for c in calls),
        "reasoning_tokens": sum(c.reasoning_tokens or 0 for c in calls),
        "cost_usd": cost_usd(calls),
    }


def grouped(calls: Iterable[Call], key: Callable[[Call], Any]) -> dict[Any, list[Call]]:
    groups: dict[Any, list[Call]] = {}
    for call in calls:
        groups.setdefault(key(call), []).append(call)
    return groups
