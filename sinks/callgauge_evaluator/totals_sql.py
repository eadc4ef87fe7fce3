"""The sums that a condition is judged by, asked of the tables `calls`, `scores` and `state_changes`.

They are those of windows (`callgauge_windows.totals`): integers, cut to the same limits, in the same buckets, of events
whose time lies in [from, to). So a rule means the same wherever it is judged. Steps around calls are left out, as they
are in windows, unless the rule is by operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from callgauge.counted import MEASURES, TOKEN_SUMS
from callgauge.schema import BREAKER_OPEN, CacheLevel
from callgauge.units import LIMIT
from callgauge_evaluator.totals_columns import (
    SumColumn,
    into_buckets,
    into_count,
    into_errors,
    into_part,
    put_used,
)
from callgauge_history.questions.call_rows import ANSWERED, NO_STEPS
from callgauge_history.quoted import at, quoted
from callgauge_rules.bound import BoundCondition
from callgauge_rules.formulas import Percentile
from callgauge_rules.score_aggregates import origin_of_measure
from callgauge_windows.histogram import PER_DOUBLING
from callgauge_windows.totals import Totals

__all__ = ["NO_LABEL", "Cut", "Found", "measures_of", "rows_of", "sums_of", "totals_sql", "with_histogram"]

#: What scores do not know of their call.
NO_LABEL = frozenset({"user_id", "session_id"})

_FAILED = "status = 'error'"
_COUNTS = {
    "n": "count()",
    "fallbacks": "countIf(status = 'fallback')",
    "cancelled": "countIf(status = 'cancelled')",
    "cache_hits": "countIf(cache_hit)",
    **{f"cache_hits_{level}": f"countIf(cache_hit AND cache_level = '{level}')" for level in get_args(CacheLevel)},
    "rate_limited": "countIf(error_type = 'rate_limit' OR http_status = 429)",
    "retries": "sum(retry_count)",
    **{name: f"ifNull(sum({name}), 0)" for name in TOKEN_SUMS},
}
_ERRORS = f"sumMapIf(map(if(error_type = '', 'other', toString(error_type)), toInt64(1)), {_FAILED})"
_VALUES = {
    "latency": f"if({ANSWERED}, latency_us, NULL)",
    "ttft": "toInt64(round(time_to_first_token_ms * 1000))",
    "cost": "cost_nano",
    "output_tokens": "output_tokens",
}
_USED = (
    "ifNull(max(if(rate_limit_limit_{0} > 0 AND rate_limit_remaining_{0} >= 0, intDiv((rate_limit_limit_{0} - "
    "if(rate_limit_remaining_{0} < rate_limit_limit_{0}, rate_limit_remaining_{0}, rate_limit_limit_{0})) * 1000000, "
    "rate_limit_limit_{0}), 0)), 0)"
)
_LARGEST_USED = f"greatest({_USED.format('requests')}, {_USED.format('tokens')})"


class Cut(NamedTuple):
    """Which events: their time, epoch ms, in [from, to), in steps of so many ms."""

    from_ms: int
    to_ms: int
    step_ms: int

    @classmethod
    def whole(cls, from_ms: int, to_ms: int) -> Cut:
        """All of it as one step."""
        return cls(from_ms, to_ms, to_ms - from_ms)


class Found(NamedTuple):
    """The sums of one series in one step; steps are counted from 0."""

    labels: tuple[str, ...]
    step: int
    totals: Totals


def totals_sql(
    condition: BoundCondition,
    by: Sequence[str],
    where: Mapping[str, str],
    cut: Cut,
    within: tuple[int, int] | None = None,
) -> str:
    """The statement that gives a row for each series and step with events: labels, step, then the sums.

    Args:
        within: only of events whose time lies in this part of the range, epoch ms.
    """
    scores = condition.aggregate.of_scores
    label = _score_label if scores else str
    time = "ts" if scores else "event_time"
    from_ms, to_ms = within or (cut.from_ms, cut.to_ms)
    wanted = [f"{time} >= {at(from_ms)}", f"{time} < {at(to_ms)}"]
    wanted += [f"{label(name)} = {quoted(value)}" for name, value in where.items()]
    wanted += _of_scores(condition, by) if scores else _of_calls(by)
    step = f"intDiv(toUnixTimestamp64Milli({time}) - {cut.from_ms}, {cut.step_ms})"
    names = [f"{label(name)} AS label_{number}" for number, name in enumerate(by)]
    sums = [f"{column.sql} AS sum_{number}" for number, column in enumerate(_columns(condition))]
    keys = ", ".join([*(f"label_{number}" for number in range(len(by))), "step"])
    chosen = ", ".join([*names, f"{step} AS step", *sums])
    return (
        f"SELECT {chosen} FROM {_table(condition)} FINAL WHERE {' AND '.join(wanted)} GROUP BY {keys} ORDER BY {keys}"  # noqa: S608 (names of ours, texts quoted)
    )


def rows_of(
    condition: BoundCondition,
    by: Sequence[str],
    rows: Sequence[Sequence[Any]],
    columns: Iterable[SumColumn] | None = None,
) -> Iterator[Found]:
    """What the statement gave.

    Args:
        columns: of a statement that has others.
    """
    columns = list(_columns(condition) if columns is None else columns)
    for row in rows:
        totals = Totals()
        for column, value in zip(columns, row[len(by) + 1 :], strict=True):
            column.put(totals, value)
        yield Found(tuple(row[: len(by)]), int(row[len(by)]), totals)


def _table(condition: BoundCondition) -> str:
    if not condition.aggregate.of_scores:
        return "calls"
    return "state_changes" if _score_name(condition)[0] == BREAKER_OPEN else "scores"


def _of_calls(by: Sequence[str]) -> list[str]:
    named = [f"{label} != ''" for label in by if label in NO_LABEL]  # calls of nobody are no user's
    return named if "operation" in by else [*named, NO_STEPS]


def _of_scores(condition: BoundCondition, by: Sequence[str]) -> list[str]:
    name, origin = _score_name(condition)
    known = [f"mapContains(labels, {quoted(label)})" for label in by if label != "service"]
    if name == BREAKER_OPEN:
        return known + ([f"breaker = {quoted(origin)}"] if origin is not None else [])
    return [f"name = {quoted(name)}", *known, *([f"origin = {quoted(origin)}"] if origin is not None else [])]


def _score_label(name: str) -> str:
    return "service" if name == "service" else f"labels[{quoted(name)}]"


def _score_name(condition: BoundCondition) -> tuple[str, str | None]:
    return origin_of_measure(condition.aggregate.measure)


def _columns(condition: BoundCondition) -> Iterator[SumColumn]:
    """The sums that a condition needs, and where each is put."""
    measure = condition.aggregate.measure
    if condition.aggregate.of_scores:
        changes = _table(condition) == "state_changes"
        value = "if(to_state = 'open', 1000000, 0)" if changes else "value_micro"
        example = "event_id" if changes else "if(event_id = '', score_id, event_id)"
        yield SumColumn("count()", into_count("n"))
        yield from _measure(measure, value, example, lowest=True)
        yield SumColumn(_signed_buckets(value), into_buckets(measure))
        return
    needed = sums_of(condition)
    if any(name.startswith("error") for name in needed):
        yield SumColumn(_ERRORS, into_errors)
    if "rate_limit_used_max_ppm" in needed:
        yield SumColumn(_LARGEST_USED, put_used)
    yield from (SumColumn(sql, into_count(name)) for name, sql in _COUNTS.items() if name in needed)
    for name in measures_of(condition):
        value = _clamped(name)
        yield from _measure(name, value, "event_id")
        if name == measure and with_histogram(condition):
            yield SumColumn(f"countIf({value} = 0)", into_part(name, "zero_count"))
            yield SumColumn(f"sumMapIf({_bucket(value)}, {value} > 0)", into_buckets(name))


def sums_of(condition: BoundCondition) -> set[str]:
    """The sums that a condition on calls needs, by their names in `Totals.sum_of`."""
    return {name for name in condition.sums if ".at_most." not in name}


def measures_of(condition: BoundCondition) -> list[str]:
    """The measures that it needs, in order."""
    named = {name.partition(".")[0] for name in sums_of(condition)} & MEASURES.keys()
    return sorted(named | {condition.aggregate.measure} - {""})


def with_histogram(condition: BoundCondition) -> bool:
    """Whether it needs the histogram of its measure."""
    return isinstance(condition.aggregate.formula, Percentile) or condition.needs_histogram


def _clamped(measure: str) -> str:
    value, most = _VALUES[measure], LIMIT * MEASURES[measure].square_unit
    return f"if({value} > {most}, {most}, {value})"


def _bucket(value: str) -> str:
    """As `histogram.bucket_of`: only a power of two lies on a bucket's bound, and its logarithm is exact."""
    # It is computed of those without a bucket, too: of 0, and of what was not measured.
    return f"map(toInt16(ceil(log2(greatest(ifNull({value}, 1), 1)) * {PER_DOUBLING}) - 1), toUInt64(1))"


def _signed_buckets(value: str) -> str:
    """As `signed.signed_key`."""
    key = f"if({value} = 0, 0, sign({value}) * (ceil(log2(abs({value})) * {PER_DOUBLING}) + 1))"
    return f"sumMap(map(toInt16({key}), toUInt64(1)))"


def _measure(name: str, value: str, event_id: str, *, lowest: bool = False) -> Iterator[SumColumn]:
    largest = f"-({value})" if lowest else value
    yield SumColumn(f"count({value})", into_part(name, "count"))
    yield SumColumn(f"ifNull(sum({value}), 0)", into_part(name, "sum"))
    yield SumColumn(f"ifNull(max({largest}), 0)", into_part(name, "max"))
    yield SumColumn(
        f"argMaxIf({event_id}, ({largest}, -kafka_offset), isNotNull({value}))", into_part(name, "max_event_id", str)
    )
