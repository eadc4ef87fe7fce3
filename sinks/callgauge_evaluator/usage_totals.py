"""The sums that a condition is judged by, read from usage instead of the calls: of rules by user, which no tier has.

Usage holds calls, failed calls and input tokens of each user's hours and days as the calls do, so it gives the same
numbers; whatever is not derived yet, and the edges of a range, come from the calls, in the same statement
(`questions.usage`). Costs and output tokens are read from the calls: a rule on these names the call with the largest
one, and single values are cut as those of windows are, neither of which usage knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callgauge_evaluator.tier_totals import LEAST_CALLS, calls_of_hours
from callgauge_evaluator.totals_sql import NO_LABEL, Cut, Found, measures_of, sums_of
from callgauge_history.questions.period import Period
from callgauge_history.questions.usage import usage_rows
from callgauge_history.store import Ask
from callgauge_history.tiers.usage import DAY_MS, HOUR_MS, USAGE_LABELS, usage_coverage
from callgauge_rules.bound import BoundCondition
from callgauge_windows.totals import Totals

__all__ = ["usage_totals"]

_SUMS = frozenset({"n", "errors", "input_tokens"})


def usage_totals(
    ask: Ask, condition: BoundCondition, by: Sequence[str], where: Mapping[str, str], cut: Cut
) -> list[Found] | None:
    """The sums of a range; None if usage does not know what is asked for, or there are few calls.

    Raises:
        StoreError: the store cannot be asked.
    """
    width_ms = _width_ms(cut)
    if not width_ms or not {*by, *where} <= set(USAGE_LABELS) or not _is_counted(condition):
        return None
    coverage = usage_coverage(ask, by_user_alone=width_ms == DAY_MS)
    # Where calls are no longer kept, a range would be widened to what is.
    if not coverage or any(cut.from_ms < each.kept_from_ms for each in coverage):
        return None
    if sum(calls_of_hours(ask, cut.from_ms, cut.to_ms).values()) < LEAST_CALLS:
        return None
    period = Period(cut.from_ms, cut.to_ms)
    rows, parameters = usage_rows(ask, period, where, by=by, named=bool(NO_LABEL & {*by}), width_ms=width_ms)
    names = [f"toString(r.{label}) AS label_{number}" for number, label in enumerate(by)]
    step = f"intDiv(toUnixTimestamp64Milli(r.at) - {cut.from_ms}, {cut.step_ms})"
    keys = ", ".join([*(f"label_{number}" for number in range(len(by))), "step"])
    sql = (
        f"SELECT {', '.join([*names, f'{step} AS step'])}, sum(r.calls), sum(r.errors), sum(r.input_tokens) "  # noqa: S608 (names and numbers of ours)
        f"FROM {rows} AS r GROUP BY {keys} HAVING sum(r.calls) > 0 ORDER BY {keys}"
    )
    return list(_found(ask(sql, parameters).rows, len(by)))


def _width_ms(cut: Cut) -> int:
    """How wide the rows may be that no step cuts in two; 0: not even hours."""
    is_one_step = cut.step_ms >= cut.to_ms - cut.from_ms
    fits = [width for width in (DAY_MS, HOUR_MS) if is_one_step or not (cut.from_ms % width or cut.step_ms % width)]
    return max(fits, default=0)


def _is_counted(condition: BoundCondition) -> bool:
    of_calls = not condition.aggregate.of_scores
    return of_calls and not measures_of(condition) and sums_of(condition) <= _SUMS and not condition.needs_histogram


def _found(rows: Sequence[Sequence[Any]], labels: int) -> Iterator[Found]:
    for row in rows:
        totals = Totals()
        calls, errors, input_tokens = (int(value) for value in row[labels + 1 :])
        totals.counts.update({"n": calls, "input_tokens": input_tokens})
        # Usage does not tell errors apart; such a condition asks for all of them.
        totals.errors.update({"": errors} if errors else {})
        yield Found(tuple(row[:labels]), int(row[labels]), totals)
