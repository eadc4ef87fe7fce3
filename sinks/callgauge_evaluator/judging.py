"""Judges one rule at one instant: a function of what is stored, and of the instant.

A threshold is judged over the lookback that ends at the instant. A detector is fed with the lookbacks before it, the
last one of which ends at the last multiple of `every`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from callgauge_detectors.verdict import NORMAL, Verdict
from callgauge_evaluator.binding import HistoryRule
from callgauge_evaluator.learned import Part, feed, steps_back
from callgauge_evaluator.lookbacks import Labels, ask_totals, lookbacks
from callgauge_evaluator.pinned import pinned_parts
from callgauge_evaluator.totals_sql import Cut
from callgauge_history.store import Ask
from callgauge_rules.bound import BoundCondition
from callgauge_windows.totals import Totals

__all__ = ["ConditionJudged", "Judged", "judge"]

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
    series = {found.labels: found.totals for found in ask_totals(rule, condition, ask, Cut.whole(begin_ms, at_ms))}
    if condition.judges_nothing:
        before = Cut.whole(begin_ms - _REMEMBERED_MS, begin_ms)
        series = {found.labels: Totals() for found in ask_totals(rule, condition, ask, before)} | series
    judged = {}
    for labels, totals in series.items():
        value = condition.aggregate.of(totals)
        judged[labels] = ConditionJudged(condition.rank(value, condition.n_of(totals)), value, totals)
    return judged


def _learned(rule: HistoryRule, condition: BoundCondition, ask: Ask, at_ms: int) -> Mapping[Labels, ConditionJudged]:
    end_ms, count = at_ms // condition.every_ms * condition.every_ms, steps_back(condition)
    now = lookbacks(rule, condition, ask, end_ms, count)
    if condition.pinned:
        fed = pinned_parts(rule, condition, ask, end_ms, now)
    else:
        fed = {labels: [Part(end_ms, totals)] for labels, totals in now.items()}
    judged = {}
    for labels, parts in fed.items():
        said, last = feed(condition, parts), now[labels][-1]
        judged[labels] = ConditionJudged(said.rank, condition.aggregate.of(last), last, said.verdict, said.points)
    return judged
