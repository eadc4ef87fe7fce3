"""What the windows must hold: a plain recount, event by event, with nothing of the code under test but the units.

Totals are dictionaries of integers, keyed (grouping set's name, labels, window start in ms).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from callgauge.schema import Call
from callgauge.units import LIMIT, SQUARE_UNITS, event_ms, micros, nanodollars

__all__ = ["Horizon", "Key", "merged", "recount"]

Key = tuple[str, tuple[str, ...], int]


class Horizon:
    """Deduplication as the definition says it, with everything remembered.

    An event is a duplicate if the latest earlier record with its id in the same partition lies within so many offsets
    and so many seconds of append time; 0 offsets: never.
    """

    def __init__(self, offsets: int, seconds: float) -> None:
        self._offsets = offsets
        self._ms = seconds * 1000
        self._latest: dict[tuple[int, str], tuple[int, int]] = {}

    def is_duplicate(self, partition: int, offset: int, append_ms: int, event_id: str) -> bool:
        """Whether this record is one; records are to be given in the order of their partition's log."""
        earlier = self._latest.get((partition, event_id))
        self._latest[partition, event_id] = (offset, append_ms)
        if earlier is None or not self._offsets:
            return False
        return offset - earlier[0] <= self._offsets and append_ms - earlier[1] <= self._ms


def recount(calls: Iterable[Call], groupings: str) -> dict[Key, Counter[str]]:
    """Totals of every window of every series, from the calls."""
    totals: dict[Key, Counter[str]] = {}
    for call in calls:
        end_ms = event_ms(call.ts, call.latency_ms)
        for name in groupings.split():
            labels, _, width = name.partition("@")
            width_ms = int(width[:-1]) * 1000
            values = tuple(str(getattr(call, label)) for label in labels.split(",") if label)
            key = (name, values, end_ms // width_ms * width_ms)
            _count(totals.setdefault(key, Counter()), call)
    return totals


def _count(total: Counter[str], call: Call) -> None:
    total["n"] += 1
    total["fallbacks"] += call.status == "fallback"
    total["cache_hits"] += call.cache_hit
    total["rate_limited"] += call.error_type == "rate_limit" or call.http_status == 429
    total["retries"] += call.retry_count
    total["input_tokens"] += call.input_tokens or 0
    total["cache_read_tokens"] += call.cache_read_tokens or 0
    total["cache_write_tokens"] += call.cache_write_tokens or 0
    total["reasoning_tokens"] += call.reasoning_tokens or 0
    if call.status == "error":
        total[f"error {call.error_type or 'other'}"] += 1
    else:
        _measure(total, "latency", micros(call.latency_ms))
    if call.finish_reason:
        total[f"finish {call.finish_reason}"] += 1
    if call.time_to_first_token_ms is not None:
        _measure(total, "ttft", micros(call.time_to_first_token_ms))
    if call.cost_usd is not None:
        _measure(total, "cost", nanodollars(call.cost_usd))
    if call.output_tokens is not None:
        _measure(total, "output_tokens", call.output_tokens)


def _measure(total: Counter[str], name: str, value: int) -> None:
    value = min(value, LIMIT * SQUARE_UNITS[name])
    total[f"{name} count"] += 1
    total[f"{name} sum"] += value
    total[f"{name} sum_sq"] += (value // SQUARE_UNITS[name]) ** 2


def merged(rows: Iterable[Any]) -> dict[Key, Counter[str]]:
    """The same totals from rows: the largest n per identity, then added up."""
    kept: dict[tuple[Any, ...], Any] = {}
    for row in rows:
        identity = (row.grouping, row.series_id, row.window_start_ms, row.source, row.block, row.epoch)
        if identity not in kept or row.n > kept[identity].n:
            kept[identity] = row
        elif row.n == kept[identity].n:
            assert row == kept[identity], "two rows of one identity and n differ"
    totals: dict[Key, Counter[str]] = {}
    for row in kept.values():
        key = (row.grouping, tuple(row.labels.values()), row.window_start_ms)
        _add(totals.setdefault(key, Counter()), row)
    return totals


def _add(total: Counter[str], row: Any) -> None:
    for name in ("n", "fallbacks", "cache_hits", "rate_limited", "retries", "input_tokens"):
        total[name] += getattr(row, name)
    for name in ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens"):
        total[name] += getattr(row, name)
    total.update({f"error {kind}": count for kind, count in row.errors.items()})
    total.update({f"finish {reason}": count for reason, count in row.finish_reasons.items()})
    for name, measure in row.measures.items():
        total.update({f"{name} {part}": getattr(measure, part) for part in ("count", "sum", "sum_sq")})
        assert measure.count == measure.histogram.zero_count + sum(measure.histogram.buckets.values())
