"""The sums that a condition is judged by, asked of the tables `calls`, `scores` and `state_changes`.

They are those of windows (`callgauge_windows.totals`): integers, cut to the same limits, in the same buckets, of events
whose time lies in [from, to). So a rule means the same wherever it is judged. Steps around calls are left out, as they
are in windows, unless the rule is by operation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from callgauge.counted import MEASURES, TOKEN_SUMS
from callgauge.schema import BREAKER_OPEN
from callgauge.units import LIMIT
from callgauge_history.questions.call_rows import ANSWERED, NO_STEPS
from callgauge_history.quoted import at, quoted
from callgauge_rules.bound import BoundCondition
from callgauge_rules.formulas import Percentile
from callgauge_rules.score_aggregates import origin_of_measure
from callgauge_windows.histogram import PER_DOUBLING
from callgauge_windows.totals import MeasureTotals, Totals

__all__ = ["NO_LABEL", "Cut", "Found", "rows_of", "totals_sql"]

#: What scores do not know of their call.
NO_LABEL = frozenset({"user_id", "session_id"})

_FAILED = "status = 'error'"
_COUNTS = {
    "n": "count()",
    "fallbacks": "countIf(status = 'fallback')",
    "cancelled": "countIf(status = 'cancelled')",
    "cache_hits": "countIf(cache_hit)",
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


class Found(NamedTuple):
    """The sums of one series in one step; steps are counted from 0."""

    labels: tuple[str, ...]
    step: int
    totals: Totals


@dataclass(frozen=True)
class _Column:
    sql: str
    put: Callable[[Totals, Any], None]


def totals_sql(condition: BoundCondition, by: Sequence[str], where: Mapping[str, str], cut: Cut) -> str:
    """The statement that gives a row for each series and step with events: labels, step, then the sums."""
    scores = condition.aggregate.of_scores
    label = _score_label if scores else str
    time = "ts" if scores else "event_time"
    wanted = [f"{time} >= {at(cut.from_ms)}", f"{time} < {at(cut.to_ms)}"]
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


def rows_of(condition: BoundCondition, by: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[Found]:
    """What the statement gave."""
    columns = list(_columns(condition))
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


def _columns(condition: BoundCondition) -> Iterator[_Column]:
    """The sums that a condition needs, and where each is put."""
    measure = condition.aggregate.measure
    if condition.aggregate.of_scores:
        changes = _table(condition) == "state_changes"
        value = "if(to_state = 'open', 1000000, 0)" if changes else "value_micro"
        example = "event_id" if changes else "if(event_id = '', score_id, event_id)"
        yield _Column("count()", _into_count("n"))
        yield from _measure(measure, value, example, lowest=True)
        yield _Column(_signed_buckets(value), _into_buckets(measure))
        return
    needed = {name for name in condition.sums if ".at_most." not in name}
    if any(name.startswith("error") for name in needed):
        yield _Column(_ERRORS, lambda totals, found: totals.errors.update(_whole(found)))
    if "rate_limit_used_max_ppm" in needed:
        yield _Column(_LARGEST_USED, _put_used)
    yield from (_Column(sql, _into_count(name)) for name, sql in _COUNTS.items() if name in needed)
    measures = {name.partition(".")[0] for name in needed if name.partition(".")[0] in MEASURES} | {measure} - {""}
    for name in sorted(measures):
        value = _clamped(name)
        yield from _measure(name, value, "event_id")
        if name == measure and (isinstance(condition.aggregate.formula, Percentile) or condition.needs_histogram):
            yield _Column(f"countIf({value} = 0)", _into_part(name, "zero_count"))
            yield _Column(f"sumMapIf({_bucket(value)}, {value} > 0)", _into_buckets(name))


def _clamped(measure: str) -> str:
    value, most = _VALUES[measure], LIMIT * MEASURES[measure].square_unit
    return f"if({value} > {most}, {most}, {value})"


def _bucket(value: str) -> str:
    """As `histogram.bucket_of`: only a power of two lies on a bucket's bound, and its logarithm is exact."""
    return f"map(toInt16(ceil(log2(assumeNotNull({value})) * {PER_DOUBLING}) - 1), toUInt64(1))"


def _signed_buckets(value: str) -> str:
    """As `signed.signed_key`."""
    key = f"if({value} = 0, 0, sign({value}) * (ceil(log2(abs({value})) * {PER_DOUBLING}) + 1))"
    return f"sumMap(map(toInt16({key}), toUInt64(1)))"


def _measure(name: str, value: str, event_id: str, *, lowest: bool = False) -> Iterator[_Column]:
    largest = f"-({value})" if lowest else value
    yield _Column(f"count({value})", _into_part(name, "count"))
    yield _Column(f"ifNull(sum({value}), 0)", _into_part(name, "sum"))
    yield _Column(f"ifNull(max({largest}), 0)", _into_part(name, "max"))
    yield _Column(
        f"argMaxIf({event_id}, ({largest}, -kafka_offset), isNotNull({value}))", _into_part(name, "max_event_id", str)
    )


def _into_count(name: str) -> Callable[[Totals, Any], None]:
    def put(totals: Totals, value: Any) -> None:
        totals.counts[name] = int(value)

    return put


def _into_part(measure: str, part: str, kind: Callable[[Any], Any] = int) -> Callable[[Totals, Any], None]:
    def put(totals: Totals, value: Any) -> None:
        setattr(totals.measures.setdefault(measure, MeasureTotals()), part, kind(value))

    return put


def _into_buckets(measure: str) -> Callable[[Totals, Any], None]:
    def put(totals: Totals, value: Any) -> None:
        buckets = {int(bucket): int(count) for bucket, count in value.items()}
        totals.measures.setdefault(measure, MeasureTotals()).buckets = Counter(buckets)

    return put


def _put_used(totals: Totals, value: Any) -> None:
    totals.rate_limit_used_ppm = int(value)


def _whole(found: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(count) for name, count in found.items()}
