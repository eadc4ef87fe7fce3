"""Judges one rule at one instant: a function of what is stored, and of the instant.

A threshold is judged over the lookback that ends at the instant. A detector is fed with the lookbacks before it, the
last one of which ends at the last multiple of `every`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from callgauge_detectors.verdict import NORMAL, Verdict
from callgauge_evaluator.binding import HistoryRule
from callgauge_evaluator.learned import feed, steps_back
from callgauge_evaluator.totals_sql import Cut, Found, rows_of, totals_sql
from callgauge_history.store import Ask
from callgauge_rules.bound import BoundCondition
from callgauge_windows.totals import Totals

__all__ = ["Ask", "ConditionJudged", "Judged", "Labels", "judge"]

#: The values of the rule's labels.
Labels = tuple[str, ...]

#: So long after its last event a series is judged whose silence fulfils the rule; then it is forgotten.
_REMEMBERED_MS = 3_600_000


@dataclass(frozen=True)
class ConditionJudged:
    """What is said of one series by one condition."""

    rank: int
    value: float | None
    totals: Totals
    verdict: Verdict | None = None
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Judged:
    """What is said of one series by a rule: its rank, and each of its conditions."""

    rank: int
    conditions: Sequence[ConditionJudged] = field(default_factory=tuple)


def judge(rule: HistoryRule, ask: Ask, at_ms: int) -> dict[Labels, Judged]:
    """Each series that has had events lately, and to which rank the rule holds for it.

    Raises:
        StoreError: the store cannot be asked.
    """
    bound = rule.bound
    found = [
        _learned(rule, condition, ask, at_ms) if condition.learns else _thresholds(rule, condition, ask, at_ms)
        for condition in bound.conditions
    ]
    judged = {}
    for labels in sorted({labels for each in found for labels in each}):
        conditions = [
            each[labels] if labels in each else _nothing(condition)
            for each, condition in zip(found, bound.conditions, strict=True)
        ]
        judged[labels] = Judged(int(bound.joined(each.rank for each in conditions)), conditions)
    return judged


def _nothing(condition: BoundCondition) -> ConditionJudged:
    """A series without events, of which another condition knows some."""
    rank = 0 if condition.learns else condition.rank(condition.aggregate.of(Totals()), 0)
    return ConditionJudged(rank, None, Totals(), NORMAL if condition.learns else None)


def _thresholds(rule: HistoryRule, condition: BoundCondition, ask: Ask, at_ms: int) -> Mapping[Labels, ConditionJudged]:
    begin_ms = at_ms - condition.lookback_ms
    series = {found.labels: found.totals for found in _ask(rule, condition, ask, Cut(begin_ms, at_ms, at_ms))}
    if condition.judges_nothing:
        before = Cut(begin_ms - _REMEMBERED_MS, begin_ms, at_ms)
        series = {found.labels: Totals() for found in _ask(rule, condition, ask, before)} | series
    judged = {}
    for labels, totals in series.items():
        value = condition.aggregate.of(totals)
        judged[labels] = ConditionJudged(condition.rank(value, condition.n_of(totals)), value, totals)
    return judged


def _learned(rule: HistoryRule, condition: BoundCondition, ask: Ask, at_ms: int) -> Mapping[Labels, ConditionJudged]:
    every_ms, lookback_ms = condition.every_ms, condition.lookback_ms
    end_ms, width = at_ms // every_ms * every_ms, lookback_ms // every_ms
    count = steps_back(condition) + width - 1
    cut = Cut(end_ms - count * every_ms, end_ms, every_ms)
    series: dict[Labels, dict[int, Totals]] = defaultdict(dict)
    for found in _ask(rule, condition, ask, cut):
        series[found.labels][found.step] = found.totals
    judged = {}
    for labels, steps in series.items():
        # It begins with its first event: before that it was not nothing, it was not there.
        ends = range(max(min(steps), width - 1), count)
        totals = [_added([steps[each] for each in range(end - width + 1, end + 1) if each in steps]) for end in ends]
        said = feed(condition, totals, end_ms)
        last = totals[-1]
        value = condition.aggregate.of(last)
        judged[labels] = ConditionJudged(said.rank, value, last, said.verdict, said.points)
    return judged


def _ask(rule: HistoryRule, condition: BoundCondition, ask: Ask, cut: Cut) -> list[Found]:
    sql = totals_sql(condition, rule.by, rule.bound.rule.where, cut)
    return list(rows_of(condition, rule.by, ask(sql).rows))


def _added(parts: Sequence[Totals]) -> Totals:
    if len(parts) == 1:
        return parts[0]
    total = Totals()
    for part in parts:
        total.add(part)
    return total
