"""What the windows must hold: a plain recount, event by event, with nothing of the code under test but the units.

Totals are dictionaries of integers, keyed (grouping set's name, labels, window start in ms).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from callgauge.counted import LABELS, MEASURES
from callgauge.operations import STEPS
from callgauge.schema import Call, Score, StateChange
from callgauge.units import LIMIT, event_ms, micros, millionths, nanodollars, score_square

__all__ = ["Horizon", "Key", "ScoreKey", "merged", "merged_scores", "recount", "recount_scores"]

Key = tuple[str, tuple[str, ...], int]
ScoreKey = tuple[str, tuple[str, ...], int, str, str]
"""A Key, and the score's name and origin."""


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
    sets = [(name, *_parse(name)) for name in groupings.split()]
    for call in calls:
        end_ms, counted = event_ms(call.ts, call.latency_ms), _counts_of(call)
        for name, labels, width_ms in sets:
            if call.operation in STEPS and "operation" not in labels:
                continue
            values = tuple(str(getattr(call, label)) for label in labels)
            total = totals.setdefault((name, values, end_ms // width_ms * width_ms), Counter())
            for quantity, number in counted.items():
                total[quantity] += number
    return totals


def _parse(grouping: str) -> tuple[list[str], int]:
    """Labels and width in ms of "service,model@60s"."""
    labels, _, width = grouping.partition("@")
    return [label for label in labels.split(",") if label], int(width[:-1]) * 1000


def _counts_of(call: Call) -> dict[str, int]:
    """What one call adds to each of its windows."""
    counted = {
        "n": 1,
        "fallbacks": call.status == "fallback",
        "cancelled": call.status == "cancelled",
        "cache_hits": call.cache_hit,
        "cache_hits_exact": call.cache_hit and call.cache_level == "exact",
        "cache_hits_semantic": call.cache_hit and call.cache_level == "semantic",
        "rate_limited": call.error_type == "rate_limit" or call.http_status == 429,
        "retries": call.retry_count,
        "input_tokens": call.input_tokens or 0,
        "cache_read_tokens": call.cache_read_tokens or 0,
        "cache_write_tokens": call.cache_write_tokens or 0,
        "reasoning_tokens": call.reasoning_tokens or 0,
    }
    if call.status == "error":
        counted[f"error {call.error_type or 'other'}"] = 1
    elif call.status != "cancelled" and call.latency_ms is not None:
        counted |= _measured("latency", micros(call.latency_ms))
    if call.finish_reason:
        counted[f"finish {call.finish_reason}"] = 1
    if call.time_to_first_token_ms is not None:
        counted |= _measured("ttft", micros(call.time_to_first_token_ms))
    if call.cost_usd is not None:
        counted |= _measured("cost", nanodollars(call.cost_usd))
    if call.output_tokens is not None:
        counted |= _measured("output_tokens", call.output_tokens)
    return counted


def _measured(name: str, value: int) -> dict[str, int]:
    value = min(value, LIMIT * MEASURES[name].square_unit)
    return {f"{name} count": 1, f"{name} sum": value, f"{name} sum_sq": (value // MEASURES[name].square_unit) ** 2}


def merged(rows: Iterable[Any]) -> dict[Key, Counter[str]]:
    """The same totals from rows: the largest n per identity, then added up."""
    totals: dict[Key, Counter[str]] = {}
    for row in _kept(rows):
        key = (row.grouping, tuple(row.labels.values()), row.window_start_ms)
        _add(totals.setdefault(key, Counter()), row)
    return totals


def _kept(rows: Iterable[Any], *more: str) -> Iterable[Any]:
    """The row with the largest n of each identity."""
    kept: dict[tuple[Any, ...], Any] = {}
    for row in rows:
        identity = (row.grouping, row.series_id, row.window_start_ms, row.source, row.block, row.epoch)
        identity += tuple(getattr(row, name) for name in more)
        if identity not in kept or row.n > kept[identity].n:
            kept[identity] = row
        elif row.n == kept[identity].n:
            assert row == kept[identity], "two rows of one identity and n differ"
    return kept.values()


def _add(total: Counter[str], row: Any) -> None:
    for name in ("n", "fallbacks", "cancelled", "cache_hits", "rate_limited", "retries", "input_tokens"):
        total[name] += getattr(row, name)
    for name in ("cache_hits_exact", "cache_hits_semantic"):
        total[name] += getattr(row, name)
    for name in ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens"):
        total[name] += getattr(row, name)
    total.update({f"error {kind}": count for kind, count in row.errors.items()})
    total.update({f"finish {reason}": count for reason, count in row.finish_reasons.items()})
    for name, measure in row.measures.items():
        total.update({f"{name} {part}": getattr(measure, part) for part in ("count", "sum", "sum_sq")})
        assert measure.count == measure.histogram.zero_count + sum(measure.histogram.buckets.values())


def recount_scores(records: Iterable[Score | StateChange], groupings: str) -> dict[ScoreKey, Counter[str]]:
    """Totals of every window, series, score name and origin."""
    totals: dict[ScoreKey, Counter[str]] = {}
    sets = [(name, *_parse(name)) for name in groupings.split()]
    for record in records:
        name, origin, value = "", "", 0
        if isinstance(record, Score):
            name, origin, value = record.name, record.origin, millionths(record.value)
        else:
            name, origin, value = "breaker_open", record.breaker, 1_000_000 * (record.to_state == "open")
        carried = {label: text for label, text in record.labels.items() if label in LABELS} | {
            "service": record.service
        }
        at_ms = event_ms(record.ts, 0.0)
        for grouping, labels, width_ms in sets:
            if set(labels) <= carried.keys():
                key = (grouping, tuple(carried[label] for label in labels), at_ms // width_ms * width_ms, name, origin)
                total = totals.setdefault(key, Counter())
                total.update({"n": 1, "sum": value, "sum_sq": score_square(value)})
                total["min"], total["max"] = min(total.get("min", value), value), max(total.get("max", value), value)
    return totals


def merged_scores(rows: Iterable[Any]) -> dict[ScoreKey, Counter[str]]:
    """The same totals from rows: the largest n per identity, then added up."""
    totals: dict[ScoreKey, Counter[str]] = {}
    for row in _kept(rows, "name", "origin"):
        histogram = row.histogram
        buckets = [*histogram.buckets.values(), *histogram.negative.values()]
        assert row.n == histogram.zero_count + sum(buckets)
        key = (row.grouping, tuple(row.labels.values()), row.window_start_ms, row.name, row.origin)
        total = totals.setdefault(key, Counter())
        total.update({"n": row.n, "sum": row.sum, "sum_sq": row.sum_sq})
        total["min"], total["max"] = min(total.get("min", row.min), row.min), max(total.get("max", row.max), row.max)
    return totals
