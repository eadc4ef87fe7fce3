"""The sums that a condition is judged by, read from usage instead of the calls: of rules by user, which no tier has.

Usage holds calls, failed calls, tokens and costs of each user's hours and days as the calls do, so it gives the same
numbers; whatever is not derived yet, and the edges of a range, come from the calls, in the same statement
(`questions.usage`). Windows cut costs and output tokens of single calls that are huge, and so do rules; usage does not
know which are. So it answers only if the range has no such call. Which call was the largest it does not know either;
that is asked for when an alert is told (`callgauge_evaluator.largest`). Means are read from the calls, since usage does
not know how many calls had a cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callgauge.counted import MEASURES
from callgauge.units import LIMIT
from callgauge_evaluator.tier_totals import LEAST_CALLS, calls_of_hours
from callgauge_evaluator.totals_sql import (
    NO_LABEL,
    Cut,
    Found,
    measures_of,
    sums_of,
    with_histogram,
)
from callgauge_history.questions.period import Period
from callgauge_history.questions.source import between
from callgauge_history.questions.usage import usage_rows
from callgauge_history.store import Ask
from callgauge_history.tiers.usage import DAY_MS, HOUR_MS, USAGE_LABELS, usage_coverage
from callgauge_rules.bound import BoundCondition
from callgauge_windows.totals import MeasureTotals, Totals

__all__ = ["knows_no_call", "usage_totals"]

_SUMS = frozenset({"n", "errors", "input_tokens", "cost.sum", "output_tokens.sum"})
#: Column of usage and of calls -> where windows cut a single value of it.
_LIMITS = {
    "output_tokens": LIMIT * MEASURES["output_tokens"].square_unit,
    "cost_nano": LIMIT * MEASURES["cost"].square_unit,
}


def usage_totals(
    ask: Ask, condition: BoundCondition, by: Sequence[str], where: Mapping[str, str], cut: Cut
) -> list[Found] | None:
    """The sums of a range; None if usage does not know what is asked for, or there are few calls.

    Raises:
        StoreError: the store cannot be asked.
    """
    width_ms = _width_ms(cut)
    if not width_ms or not _is_counted(condition, by, where):
        return None
    coverage = usage_coverage(ask, by_user_alone=width_ms == DAY_MS)
    # Where calls are no longer kept, a range would be widened to what is.
    if not coverage or any(cut.from_ms < each.kept_from_ms for each in coverage):
        return None
    if sum(calls_of_hours(ask, cut.from_ms, cut.to_ms).values()) < LEAST_CALLS:
        return None
    period = Period(cut.from_ms, cut.to_ms)
    named = bool(NO_LABEL & {*by})
    rows, parameters = usage_rows(ask, period, where, by=by, named=named, width_ms=width_ms, as_sent=True)
    names = [f"toString(r.{label}) AS label_{number}" for number, label in enumerate(by)]
    step = f"intDiv(toUnixTimestamp64Milli(r.at) - {cut.from_ms}, {cut.step_ms})"
    keys = ", ".join([*(f"label_{number}" for number in range(len(by))), "step"])
    sql = (
        f"SELECT {', '.join([*names, f'{step} AS step'])}, sum(r.calls), sum(r.errors), sum(r.input_tokens), "  # noqa: S608 (names and numbers of ours)
        "sum(r.output_tokens), sum(r.cost_nano), max(r.output_tokens), max(r.cost_nano) "
        f"FROM {rows} AS r GROUP BY {keys} HAVING sum(r.calls) > 0 ORDER BY {keys}"
    )
    found = ask(sql, parameters).rows
    if measures_of(condition) and _is_cut(ask, found, cut):
        return None
    return list(_found(found, len(by), measures_of(condition)))


def _width_ms(cut: Cut) -> int:
    """How wide the rows may be that no step cuts in two; 0: not even hours."""
    is_one_step = cut.step_ms >= cut.to_ms - cut.from_ms
    fits = [width for width in (DAY_MS, HOUR_MS) if is_one_step or not (cut.from_ms % width or cut.step_ms % width)]
    return max(fits, default=0)


def knows_no_call(condition: BoundCondition, by: Sequence[str], where: Mapping[str, str]) -> bool:
    """Whether usage may have answered where the calls would have told which of them was the largest."""
    return bool(measures_of(condition)) and _is_counted(condition, by, where)


def _is_counted(condition: BoundCondition, by: Sequence[str], where: Mapping[str, str]) -> bool:
    if condition.aggregate.of_scores or not {*by, *where} <= set(USAGE_LABELS):
        return False
    return sums_of(condition) <= _SUMS and not with_histogram(condition)


def _is_cut(ask: Ask, rows: Sequence[Sequence[Any]], cut: Cut) -> bool:
    """Whether a call of the range has a value that windows cut; only a row with a larger sum may hold one."""
    if all(int(sum_) <= limit for row in rows for sum_, limit in zip(row[-2:], _LIMITS.values(), strict=True)):
        return False
    larger = " OR ".join(f"{column} > {limit}" for column, limit in _LIMITS.items())
    within = between(cut.from_ms, cut.to_ms, "event_time")
    return bool(int(ask(f"SELECT count() FROM calls WHERE {within} AND ({larger})").rows[0][0]))  # noqa: S608 (names and numbers of ours)


def _found(rows: Sequence[Sequence[Any]], labels: int, measures: Sequence[str]) -> Iterator[Found]:
    for row in rows:
        totals = Totals()
        calls, errors, input_tokens, output_tokens, cost_nano = (int(value) for value in row[labels + 1 : labels + 6])
        totals.counts.update({"n": calls, "input_tokens": input_tokens})
        # Usage does not tell errors apart; such a condition asks for all of them.
        totals.errors.update({"": errors} if errors else {})
        sums = {"output_tokens": output_tokens, "cost": cost_nano}
        totals.measures.update({measure: MeasureTotals(sum=sums[measure]) for measure in measures})
        yield Found(tuple(row[:labels]), int(row[labels]), totals)
