"""A micro-batch as columns: one NumPy array per quantity, integers only.

The way in is `columns_of`, from decoded calls (structs of `callgauge.codec`); every later step is arithmetic on arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from callgauge.schema import MEASURES, ErrorType
from callgauge.units import LIMIT, SQUARE_UNITS

__all__ = ["COUNTS", "ERROR_TYPES", "Columns", "MeasureColumn", "columns_of"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ERROR_TYPES: tuple[str, ...] = get_args(ErrorType)
_ERROR_CODE = {None: len(ERROR_TYPES) - 1} | {name: code for code, name in enumerate(ERROR_TYPES)}

#: Columns of `Columns.counts` in order; the errors by type follow.
COUNTS = (
    "fallbacks",
    "cache_hits",
    "rate_limited",
    "retries",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


@dataclass(frozen=True, slots=True)
class MeasureColumn:
    """One measured quantity, shape (n,): `values` counts where `present`."""

    present: Bools
    values: Int64s


@dataclass(frozen=True, slots=True)
class Columns:
    """`n` events in log order."""

    n: int
    event_ids: list[str]
    calls: Sequence[Any]
    """The decoded structs, for their labels."""
    event_ms: Int64s
    """Event time, the end of the call, shape (n,)."""
    counts: Int64s
    """What is added up as it is: COUNTS, then one column per ERROR_TYPES; shape (n, len(COUNTS) + 7)."""
    measures: dict[str, MeasureColumn]
    finish_reasons: list[str]
    rate_limit_used_ppm: Int64s
    clamped: int
    """Events with a value cut to the largest that a block can add up."""
    token_violations: int
    """Events whose parts exceed their whole: cache_read + cache_write > input, or reasoning > output."""


def columns_of(calls: Sequence[Any]) -> Columns:
    """The columns of decoded calls."""
    ts = np.array([c.ts for c in calls], dtype=np.float64)
    latency_ms = np.array([c.latency_ms for c in calls], dtype=np.float64)
    failed = np.array([c.status == "error" for c in calls], dtype=np.bool_)
    tokens = {name: _tokens(calls, name) for name in ("input", "output", "cache_read", "cache_write", "reasoning")}
    measures, clamped = _measures(calls, latency_ms, failed, tokens["output"])
    parts_exceed = (tokens["cache_read"] + tokens["cache_write"] > np.maximum(tokens["input"], 0)) | (
        tokens["reasoning"] > np.maximum(tokens["output"], 0)
    )
    return Columns(
        n=len(calls),
        event_ids=[c.event_id for c in calls],
        calls=calls,
        event_ms=(ts * 1e3 + latency_ms).astype(np.int64),
        counts=_counts(calls, failed, tokens),
        measures=measures,
        finish_reasons=[c.finish_reason for c in calls],
        rate_limit_used_ppm=np.array([_rate_limit_used_ppm(c) for c in calls], dtype=np.int64),
        clamped=int(clamped.sum()),
        token_violations=int(parts_exceed.sum()),
    )


def _tokens(calls: Sequence[Any], name: str) -> Int64s:
    """A token count, -1 where none was given for a measured one, 0 for the parts."""
    field = f"{name}_tokens"
    missing = -1 if name in ("input", "output") else 0
    return np.array([missing if (v := getattr(c, field)) is None else v for c in calls], dtype=np.int64)


def _counts(calls: Sequence[Any], failed: Bools, tokens: dict[str, Int64s]) -> Int64s:
    counts = np.zeros((len(calls), len(COUNTS) + len(ERROR_TYPES)), dtype=np.int64)
    counts[:, 0] = [c.status == "fallback" for c in calls]
    counts[:, 1] = [c.cache_hit for c in calls]
    counts[:, 2] = [c.error_type == "rate_limit" or c.http_status == 429 for c in calls]
    counts[:, 3] = [c.retry_count for c in calls]
    counts[:, 4] = np.maximum(tokens["input"], 0)
    counts[:, 5] = tokens["cache_read"]
    counts[:, 6] = tokens["cache_write"]
    counts[:, 7] = tokens["reasoning"]
    for event in np.flatnonzero(failed).tolist():
        counts[event, len(COUNTS) + _ERROR_CODE[calls[event].error_type]] = 1
    return counts


def _measures(
    calls: Sequence[Any], latency_ms: npt.NDArray[np.float64], failed: Bools, output_tokens: Int64s
) -> tuple[dict[str, MeasureColumn], Bools]:
    """The measured quantities of those events that carry them, and which events were clamped."""
    ttft_ms = np.array([-1.0 if (v := c.time_to_first_token_ms) is None else v for c in calls], dtype=np.float64)
    cost_usd = np.array([-1.0 if (v := c.cost_usd) is None else v for c in calls], dtype=np.float64)
    raw = {
        "latency": (~failed, _scaled(latency_ms, 1e3)),
        "ttft": (ttft_ms >= 0, _scaled(ttft_ms, 1e3)),
        "cost": (cost_usd >= 0, _scaled(cost_usd, 1e9)),
        "output_tokens": (output_tokens >= 0, output_tokens),
    }
    clamped = np.zeros(len(calls), dtype=np.bool_)
    measures = {}
    for name in MEASURES:
        present, values = raw[name]
        limit = LIMIT * SQUARE_UNITS[name]
        clamped |= present & (values > limit)
        measures[name] = MeasureColumn(present, np.minimum(values, limit))
    return measures, clamped


def _scaled(values: npt.NDArray[np.float64], factor: float) -> Int64s:
    """To integers, nearest, ties to even; the same as `callgauge.units` does one by one."""
    return np.rint(values * factor).astype(np.int64)


def _rate_limit_used_ppm(call: Any) -> int:
    """Share of the tighter rate limit used up, in millionths; 0 when the provider told nothing."""
    used = 0
    for limit, remaining in (
        (call.rate_limit_limit_requests, call.rate_limit_remaining_requests),
        (call.rate_limit_limit_tokens, call.rate_limit_remaining_tokens),
    ):
        if limit and remaining is not None:
            used = max(used, (limit - min(limit, remaining)) * 1_000_000 // limit)
    return used
