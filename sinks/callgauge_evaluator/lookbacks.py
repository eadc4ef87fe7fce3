"""The sums of each series over the lookbacks that a detector is fed with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from callgauge_evaluator.binding import HistoryRule
from callgauge_evaluator.totals_sql import Cut, Found, rows_of, totals_sql
from callgauge_history.store import Ask
from callgauge_rules.bound import BoundCondition
from callgauge_windows.totals import Totals

__all__ = ["Labels", "ask_totals", "lookbacks"]

#: The values of the rule's labels.
Labels = tuple[str, ...]


def lookbacks(
    rule: HistoryRule, condition: BoundCondition, ask: Ask, end_ms: int, count: int
) -> dict[Labels, list[Totals]]:
    """Of each series so many lookbacks, the last of which ends at `end_ms`, each `every_ms` after the one before.

    A series begins with its first event: before that it was not nothing, it was not there.
    """
    every_ms, width = condition.every_ms, condition.lookback_ms // condition.every_ms
    known = count + width - 1
    series: dict[Labels, dict[int, Totals]] = defaultdict(dict)
    for found in ask_totals(rule, condition, ask, Cut(end_ms - known * every_ms, end_ms, every_ms)):
        series[found.labels][found.step] = found.totals
    return {
        labels: [
            _added([steps[each] for each in range(last - width + 1, last + 1) if each in steps])
            for last in range(max(min(steps), width - 1), known)
        ]
        for labels, steps in series.items()
    }


def ask_totals(rule: HistoryRule, condition: BoundCondition, ask: Ask, cut: Cut) -> list[Found]:
    """The sums of a condition."""
    sql = totals_sql(condition, rule.by, rule.bound.rule.where, cut)
    return list(rows_of(condition, rule.by, ask(sql).rows))


def _added(parts: Sequence[Totals]) -> Totals:
    if len(parts) == 1:
        return parts[0]
    total = Totals()
    for part in parts:
        total.add(part)
    return total
