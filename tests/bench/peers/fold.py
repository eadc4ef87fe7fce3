"""The aggregate of one series and window, for peers that fold call by call in Python. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

__all__ = ["BUCKETS", "WINDOW_S", "add_call", "bucket_of", "ended_at", "new_totals", "percentile_ms", "series_by"]

WINDOW_S = 10
#: Four buckets per doubling of the latency: a percentile is at most 9 % off. 88 of them reach from 1 ms to an hour.
PER_DOUBLING = 4
BUCKETS = 88


def ended_at(call: Mapping[str, Any]) -> float:
    """Event time of a decoded call, epoch seconds: its end."""
    latency_ms: float = call["latency_ms"]
    ts: float = call["ts"]
    return ts + latency_ms / 1000


def series_by(labels: Sequence[str]) -> Callable[[Mapping[str, Any]], str]:
    """Makes the key of a decoded call's series: the values of these labels (two or more), which it must have."""
    values = itemgetter(*labels)
    return lambda call: ",".join(values(call))


def bucket_of(latency_ms: float) -> int:
    """The bucket, 0..87, of a latency: (2^(i/4), 2^((i+1)/4)] ms, cut off at both ends."""
    return min(BUCKETS - 1, max(0, math.ceil(math.log2(latency_ms) * PER_DOUBLING) - 1)) if latency_ms > 0 else 0


def percentile_ms(histogram: list[int], share: float) -> float:
    """Upper bound of the bucket that holds the value at `share` (0..1), in ms; 0 when the histogram is empty."""
    wanted, seen = share * sum(histogram), 0
    for bucket, count in enumerate(histogram):
        seen += count
        if count and seen >= wanted:
            return float(2 ** ((bucket + 1) / PER_DOUBLING))
    return 0.0


def new_totals() -> dict[str, Any]:
    """Nothing yet; fit for JSON, because some peers keep it so."""
    return {
        "calls": 0,
        "errors": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": 0.0,
        "latency_ms": 0.0,
        "histogram": [0] * BUCKETS,
    }


def add_call(totals: dict[str, Any], call: Mapping[str, Any]) -> dict[str, Any]:
    """Add a decoded call to `totals`, in place; returns it."""
    latency_ms = call["latency_ms"]
    totals["calls"] += 1
    totals["errors"] += call.get("status") == "error"
    totals["input_tokens"] += call.get("input_tokens") or 0
    totals["output_tokens"] += call.get("output_tokens") or 0
    totals["cost_usd"] += call.get("cost_usd") or 0.0
    totals["latency_ms"] += latency_ms
    totals["histogram"][bucket_of(latency_ms)] += 1
    return totals
