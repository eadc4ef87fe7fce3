"""Single calls in the shape of rows of windows, so that one statement can read either. Pure.

A grouping set that has the labels of a question may not exist, or not for the whole period, or labels of it were folded
into `__other__`. Then the calls themselves are read: slower, and as exact. Their values are not cut as those of windows
are, and a bucket of their histograms is found by a logarithm.
"""

from __future__ import annotations

from typing import get_args

from callgauge.counted import LABELS, MEASURES, TOKEN_SUMS
from callgauge.operations import STEPS
from callgauge.schema import CacheLevel
from callgauge_windows.histogram import PER_DOUBLING, SCALE

__all__ = ["ANSWERED", "CALL_ROW", "NO_STEPS"]

#: Calls whose latency counts: those that failed or were cancelled are left out.
ANSWERED = "status NOT IN ('error', 'cancelled')"

#: "Calls" are calls of a model; steps of traces are asked for by naming the label `operation`.
NO_STEPS = f"operation NOT IN ({', '.join(repr(step) for step in sorted(STEPS))})"

#: The integer that windows add up, of each measure of a call.
_VALUES = {
    "latency": f"if({ANSWERED}, latency_us, NULL)",
    "ttft": "toInt64(roundBankers(time_to_first_token_ms * 1e3))",
    "cost": "cost_nano",
    "output_tokens": "output_tokens",
}
_NO_COUNTS = "CAST(map(), 'Map(LowCardinality(String), Int64)')"


def _counted_once(key: str, condition: str) -> str:
    return f"if({condition}, CAST(map({key}, 1), 'Map(LowCardinality(String), Int64)'), {_NO_COUNTS})"


def _measure(name: str) -> dict[str, str]:
    value = _VALUES[name]
    number = f"ifNull({value}, 0)"
    bucket = f"toInt16(ceil(log2(greatest({number}, 1)) * {PER_DOUBLING}) - 1)"
    none, one = "CAST(map(), 'Map(Int16, UInt64)')", f"CAST(map({bucket}, 1), 'Map(Int16, UInt64)')"
    return {
        f"{name}_count": f"toInt64({value} IS NOT NULL)",
        f"{name}_sum": number,
        f"{name}_min": number,
        f"{name}_max": number,
        f"{name}_max_event_id": "event_id",
        f"{name}_histogram": f"if({number} > 0, {one}, {none})",
        f"{name}_zero_count": f"toUInt64({value} IS NOT NULL AND {number} = 0)",
        f"{name}_scale": f"toInt8({SCALE})",
    }


#: Column of a row -> how it is made of a call.
CALL_ROW = {
    "window_start": "event_time",
    "n": "toInt64(1)",
    **{label: label for label in (*LABELS, "user_id")},
    "errors": _counted_once("if(error_type = '', 'other', error_type)", "status = 'error'"),
    "finish_reasons": _counted_once("finish_reason", "finish_reason != ''"),
    "fallbacks": "toInt64(status = 'fallback')",
    "cancelled": "toInt64(status = 'cancelled')",
    "cache_hits": "toInt64(cache_hit)",
    **{f"cache_hits_{level}": f"toInt64(cache_hit AND cache_level = '{level}')" for level in get_args(CacheLevel)},
    "rate_limited": "toInt64(error_type = 'rate_limit' OR ifNull(http_status, 0) = 429)",
    "retries": "retry_count",
    **{name: f"ifNull({name}, 0)" for name in TOKEN_SUMS},
    **{column: made for name in MEASURES for column, made in _measure(name).items()},
}
