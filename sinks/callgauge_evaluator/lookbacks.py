"""The sums of each series over the lookbacks that a detector is fed with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from callgauge_evaluator.binding import HistoryRule
from callgauge_evaluator.tier_totals import tier_totals
from callgauge_evaluator.totals_sql import Cut, Found, rows_of, totals_sql
from callgauge_evaluator.usage_totals import usage_totals
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
    """The sums of a condition: from the tiers or usage where these hold what the calls do, from the calls else."""
    where = rule.bound.rule.where
    held = tier_totals(ask, condition, rule.by, where, cut)
    if held is None and (counted := usage_totals(ask, condition, rule.by, where, cut)) is not None:
        return counted
    if held is None:
        return list(rows_of(condition, rule.by, ask(totals_sql(condition, rule.by, where, cut)).rows))
    parts = list(held.found)
    for begin_ms, end_ms in ((cut.from_ms, held.from_ms), (held.to_ms, cut.to_ms)):
        if begin_ms < end_ms:
            sql = totals_sql(condition, rule.by, where, cut, (begin_ms, end_ms))
            parts += rows_of(condition, rule.by, ask(sql).rows)
    return _joined(parts)


def _joined(parts: Sequence[Found]) -> list[Found]:
    """Those of one series and step as one, in the order in which the store gives them."""
    found: dict[tuple[Labels, int], Found] = {}
    for part in parts:
        known = found.setdefault((part.labels, part.step), part)
        if known is not part:
            known.totals.add(part.totals)
    return [found[key] for key in sorted(found)]


def _added(parts: Sequence[Totals]) -> Totals:
    if len(parts) == 1:
        return parts[0]
    total = Totals()
    for part in parts:
        total.add(part)
    return total
