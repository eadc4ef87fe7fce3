"""The sums that a condition is judged by, read from the tiers instead of the calls, where these hold the same calls.

Windows come to the store by another way than calls, and may come later, or count a call twice that was sent twice. So
hours are read from the tiers only while the grouping set that would answer holds as many calls as `calls_1h`. From the
first hour on that differs, and where a range does not begin or end with an hour, the calls are read:

    asked    [ 14:22 yesterday .............................................. 14:22 today )
    calls    [14:22, 15:00)                                           [13:00, 14:22 )
    tiers                 [ 15:00 yesterday ............. 13:00 today )     not derived yet since 13:00

Costs are those that were sent, as they are in the stream. Where several events have the largest value, the tiers may
name another of them than the calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from callgauge.counted import LABELS, OUTCOME_COUNTS, TOKEN_SUMS
from callgauge.schema import CacheLevel
from callgauge_evaluator.totals_columns import SumColumn, into_buckets, into_count, into_errors, into_part, put_used
from callgauge_evaluator.totals_sql import Cut, Found, measures_of, rows_of, sums_of, with_histogram
from callgauge_history.questions.call_rows import NO_STEPS
from callgauge_history.questions.period import Period
from callgauge_history.questions.source import MINUTE_MS, Source, between, choose, union_of
from callgauge_history.store import Ask
from callgauge_history.tiers.counting import counts_table
from callgauge_history.tiers.ladder import BASES, TIERS
from callgauge_history.tiers.usage import HOUR_MS, usage_coverage
from callgauge_rules.bound import BoundCondition

__all__ = ["LEAST_CALLS", "TierTotals", "calls_of_hours", "tier_totals"]

_WIDTHS = {tier.name: tier.width_ms for tier in TIERS}
_COUNTS = ("n", *(count.name for count in OUTCOME_COUNTS), *TOKEN_SUMS)
# Windows from before these were counted hold 0 of them, where the calls tell how many there were.
_COUNTED_LATER = frozenset(f"cache_hits_{level}" for level in get_args(CacheLevel))

#: Fewer calls are read sooner than it is found out what the tiers hold.
LEAST_CALLS = 50_000
_LATEST_MS = 1 << 62


class TierTotals(NamedTuple):
    """What the tiers gave, and the range that it covers, epoch ms: the rest is to be read from the calls."""

    from_ms: int
    to_ms: int
    found: list[Found]


def tier_totals(
    ask: Ask, condition: BoundCondition, by: Sequence[str], where: Mapping[str, str], cut: Cut
) -> TierTotals | None:
    """The sums of the hours that the tiers hold as the calls do; None if there are none, or too few calls.

    Raises:
        StoreError: the store cannot be asked.
    """
    labels = {*by, *where}
    if condition.aggregate.of_scores or "operation" in where or not labels <= set(LABELS):
        return None
    if not _COUNTED_LATER.isdisjoint(sums_of(condition)):
        return None
    begin_ms, end_ms = _whole_hours(cut)
    end_ms = min(end_ms, _derived_until(ask, begin_ms))
    if begin_ms >= end_ms:
        return None
    counted = calls_of_hours(ask, begin_ms, end_ms)
    if sum(counted.values()) < LEAST_CALLS:
        return None
    step_ms = cut.step_ms if cut.step_ms < cut.to_ms - cut.from_ms else None
    source = _chosen(ask, by, where, Period(begin_ms, end_ms), step_ms)
    if not source.grouping:
        return None
    alike_ms = _alike_until(ask, source, counted)
    if alike_ms < end_ms:
        if sum(calls for hour, calls in counted.items() if hour < alike_ms) < LEAST_CALLS:
            return None
        source = _chosen(ask, by, where, Period(begin_ms, alike_ms), step_ms)
        if not source.grouping:
            return None
    return TierTotals(begin_ms, alike_ms, list(_read(ask, source, condition, by, cut)))


def _chosen(ask: Ask, by: Sequence[str], where: Mapping[str, str], period: Period, step_ms: int | None) -> Source:
    align_ms = MINUTE_MS if step_ms is None or step_ms % MINUTE_MS == 0 else step_ms
    return choose(ask, period, by, where, align_ms=align_ms, step_ms=step_ms)


def _whole_hours(cut: Cut) -> tuple[int, int]:
    """The hours of a range; if it has several steps, such as do not cut one in two."""
    begin_ms, end_ms = -(-cut.from_ms // HOUR_MS) * HOUR_MS, cut.to_ms // HOUR_MS * HOUR_MS
    several = cut.step_ms < cut.to_ms - cut.from_ms
    # Steps begin at multiples of their width, as buckets of tiers do.
    if several and (cut.from_ms % cut.step_ms or cut.step_ms % MINUTE_MS):
        return 0, 0
    return begin_ms, end_ms


def _derived_until(ask: Ask, begin_ms: int) -> int:
    """Where the first hour begins of which calls were stored since `calls_1h` was derived."""
    coverage = next(iter(usage_coverage(ask)), None)
    if coverage is None:
        return begin_ms
    return min((at for at in coverage.dirty if at >= begin_ms), default=_LATEST_MS)


def calls_of_hours(ask: Ask, begin_ms: int, end_ms: int) -> dict[int, int]:
    """Hour, epoch ms -> its calls; an hour that is missing has none."""
    rows = ask(
        "SELECT toInt64(toUnixTimestamp(hour)) * 1000, calls FROM calls_1h FINAL "  # noqa: S608 (numbers of ours)
        f"WHERE {between(begin_ms, end_ms, 'hour')}"
    ).rows
    return {int(at): int(calls) for at, calls in rows}


def _alike_until(ask: Ask, source: Source, counted: Mapping[int, int]) -> int:
    """Where the first bucket begins in which the grouping set does not hold as many calls."""
    held = _held(ask, source)
    for piece in source.pieces:
        width = max(HOUR_MS, _WIDTHS.get(piece.tier, 0))
        for bucket in range(piece.start_ms // HOUR_MS * HOUR_MS, piece.end_ms, width):
            hours = range(bucket, bucket + width, HOUR_MS)
            if held.get(bucket, 0) != sum(counted.get(hour, 0) for hour in hours):
                return bucket
    return source.period.end_ms


def _held(ask: Ask, source: Source) -> dict[int, int]:
    """Bucket of the tier that is read, of finer ones the hour, epoch ms -> calls in the grouping set."""
    selects = []
    for piece in source.pieces:
        within = between(piece.start_ms, piece.end_ms, "window_start")
        of = f"{within} AND grouping = {{grouping:String}}"
        if piece.is_counted:
            rows = f"(SELECT window_start, n FROM {counts_table(piece.tier)} FINAL WHERE {of})"  # noqa: S608 (names of ours)
        else:
            rows = union_of(BASES[0], [piece], ["window_start", "n"], f"{of} AND {NO_STEPS}")
        start = f"intDiv(toUnixTimestamp64Milli(window_start), {HOUR_MS}) * {HOUR_MS}"
        selects.append(f"SELECT {start} AS bucket, sum(n) AS calls FROM {rows} GROUP BY bucket")  # noqa: S608
    sql = f"SELECT bucket, toInt64(sum(calls)) FROM ({' UNION ALL '.join(selects)}) GROUP BY bucket"  # noqa: S608
    return {int(bucket): int(calls) for bucket, calls in ask(sql, {"grouping": source.grouping}).rows}


def _read(ask: Ask, source: Source, condition: BoundCondition, by: Sequence[str], cut: Cut) -> Iterator[Found]:
    columns = list(_columns(condition))
    needs = list(dict.fromkeys(["n", "window_start", *by, *(name for _, names in columns for name in names)]))
    step = f"intDiv(toUnixTimestamp64Milli(r.window_start) - {cut.from_ms}, {cut.step_ms})"
    names = [f"toString(r.{label}) AS label_{number}" for number, label in enumerate(by)]
    sums = [f"{column.sql} AS sum_{number}" for number, (column, _) in enumerate(columns)]
    keys = ", ".join([*(f"label_{number}" for number in range(len(by))), "step"])
    rows = source.rows(needs, as_sent=True)
    sql = f"SELECT {', '.join([*names, f'{step} AS step', *sums])} FROM {rows} AS r GROUP BY {keys} HAVING sum(r.n) > 0"  # noqa: S608 (names of ours)
    yield from rows_of(
        condition, by, ask(f"{sql} ORDER BY {keys}", source.all_parameters).rows, [c for c, _ in columns]
    )


def _columns(condition: BoundCondition) -> Iterator[tuple[SumColumn, Sequence[str]]]:
    """The sums that a condition needs, and the columns of rows that each is made of."""
    needed = sums_of(condition)
    if any(name.startswith("error") for name in needed):
        yield SumColumn("sumMap(r.errors)", into_errors), ["errors"]
    if "rate_limit_used_max_ppm" in needed:
        yield SumColumn("max(r.rate_limit_used_max_ppm)", put_used), ["rate_limit_used_max_ppm"]
    for name in _COUNTS:
        if name in needed:
            yield SumColumn(f"sum(r.{name})", into_count(name)), [name]
    for measure in measures_of(condition):
        yield from _measure(
            measure, with_histogram=measure == condition.aggregate.measure and with_histogram(condition)
        )


def _measure(measure: str, *, with_histogram: bool) -> Iterator[tuple[SumColumn, Sequence[str]]]:
    some = f"r.{measure}_count > 0"
    count, largest, event_id = (f"{measure}_{part}" for part in ("count", "max", "max_event_id"))
    for part in ("count", "sum"):
        yield SumColumn(f"sum(r.{measure}_{part})", into_part(measure, part)), [f"{measure}_{part}"]
    yield SumColumn(f"maxIf(r.{largest}, {some})", into_part(measure, "max")), [largest, count]
    example = f"argMinIf(r.{event_id}, (-r.{largest}, r.{event_id}), {some})"
    yield SumColumn(example, into_part(measure, "max_event_id", str)), [event_id]
    if with_histogram:
        zeros, buckets = f"{measure}_zero_count", f"{measure}_histogram"
        yield SumColumn(f"sum(r.{zeros})", into_part(measure, "zero_count")), [zeros]
        yield SumColumn(f"sumMap(r.{buckets})", into_buckets(measure)), [buckets]
