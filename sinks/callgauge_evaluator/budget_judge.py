"""Budgets as alerts: of each value of a budget one is on, that of the highest level that it has reached.

    spent       40 %   60 %        85 %          130 %         the next period
    level 50 %   .     fires       is resolved
    level 80 %   .      .          fires         is resolved
    level 100 %  .      .           .            fires         is resolved

A lower level is part of a higher one: when several are reached at once, the highest alone is told, and when a higher
one is reached later, the lower one's alert ends with the reason. The labels name the level and the period, so each
level is an alert of its own: whoever has acknowledged 50 % is told of 100 %, and the next period's is another alert.
"""

from __future__ import annotations

from callgauge.schema import Alert
from callgauge.texts import repaired
from callgauge_evaluator.binding import MINUTE_MS
from callgauge_evaluator.lives import LOG, Lives, Subject
from callgauge_history.budgets.budget import Budget, severity_of
from callgauge_history.budgets.periods import period_at
from callgauge_history.budgets.spending import Spending, spending
from callgauge_history.store import Ask
from callgauge_rules.aggregates import aggregate
from callgauge_rules.alerts import alert_of, formatted
from callgauge_rules.bound import BoundRule, rank_of
from callgauge_rules.lifecycle import State, Timing
from callgauge_rules.rule import Rule
from callgauge_windows.grouping import GroupingSet
from callgauge_windows.totals import Totals

__all__ = ["BudgetJudge"]

_STEP_MS = {"day": MINUTE_MS, "week": 5 * MINUTE_MS, "month": 15 * MINUTE_MS}
_AGGREGATE = {"cost_usd": "cost_usd", "tokens": "tokens", "calls": "calls"}
_LOOKBACK = {"day": "1d", "week": "7d", "month": "31d"}


class BudgetJudge:
    """One budget. What is spent in a day is looked at every minute, in a week every 5, in a month every 15."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._name = f"budget_{budget.name}"
        self.step_ms = _STEP_MS[budget.period]
        self.names = frozenset({self._name})
        self.remembers_ms = self.step_ms

    def judge(self, ask: Ask, lives: Lives, at_ms: int) -> list[Alert]:
        """The transitions at an instant."""
        found = {each.value: each for each in spending(ask, self._budget, at_ms)}
        reached = {value: level for value, each in found.items() if (level := self._budget.level_of(each.share))}
        subjects = [self._subject(found[value], level) for value, level in reached.items()]
        period = period_at(at_ms, self._budget.period, self._budget.zone).name

        def missing(labels: dict[str, str]) -> Subject:
            value = labels.get(self._budget.by, "")
            is_now = labels.get("period") == period
            return self._over(labels, found.get(value) if is_now else None, reached.get(value, 0.0), is_now=is_now)

        return lives.judge(self._name, Timing(), subjects, at_ms, missing)

    def _subject(self, spent: Spending, level: float) -> Subject:
        labels = {spent.by: spent.value} if spent.by else {}
        labels |= {"level": _percent(level), "period": spent.period.name}

        def alert(state: State) -> Alert:
            return self._told(labels, state, spent, level)

        return Subject(labels, rank_of(severity_of(level)), alert)

    def _over(self, labels: dict[str, str], spent: Spending | None, reached: float, *, is_now: bool) -> Subject:
        """An alert that is over: a higher level was reached, less is spent than was, or the period is over.

        Args:
            spent: what is spent by now in the alert's period; None: nothing, or the period is over.
            reached: the highest level that this reaches; 0: none.
        """
        level = float(labels.get("level", "100%").removesuffix("%")) / 100
        if not is_now:
            reason = f"{labels.get('period', '')} is over"
        elif reached > level:
            reason = f"{_percent(reached)} is reached: the alert of that level goes on"
        else:
            reason = "its costs were adjusted: so much is not spent any more"

        def alert(state: State) -> Alert:
            return self._told(labels, state, spent, level, reason)

        return Subject(labels, 0, alert)

    def _told(
        self, labels: dict[str, str], state: State, spent: Spending | None, level: float, reason: str = ""
    ) -> Alert:
        limit = self._budget.limit_of(labels.get(self._budget.by, ""))
        totals = Totals()
        totals.counts["n"] = spent.calls if spent else 0
        value = spent.spent if spent else None
        told = alert_of(self._rule(level, limit), labels, state, value, totals, reason=reason, log=LOG)
        summary = told.summary if spent is None else repaired(self._summary(spent, level))
        return told.model_copy(update={"summary": summary, "detector": "budget"})

    def _rule(self, level: float, limit: float) -> BoundRule:
        budget = self._budget
        fields = {
            "name": self._name,
            "summary": budget.summary,
            "by": [budget.by] if budget.by else [],
            "aggregate": _AGGREGATE[budget.of],
            "lookback": _LOOKBACK[budget.period],
            "op": "ge",
            "value": repr(limit * level),
            "severity": severity_of(level),
            "runbook": budget.runbook,
        }
        return BoundRule(
            Rule.model_validate(fields), GroupingSet(tuple([budget.by] if budget.by else []), self.step_ms)
        )

    def _summary(self, spent: Spending, level: float) -> str:
        unit = aggregate(_AGGREGATE[self._budget.of])
        whose = f"{spent.by}={spent.value}" if spent.by else "all calls"
        where = "".join(f", {label}={value}" for label, value in self._budget.where.items())
        head = f"{self._budget.summary}: " if self._budget.summary else ""
        told = f"{whose}{where} {'have' if not spent.by else 'has'} spent {formatted(spent.spent, unit)}"
        return (
            f"{head}{told} of {formatted(spent.limit, unit)} in {spent.period.name}: {spent.share:.0%} of the budget "
            f"{self._budget.name} (alert at {_percent(level)})"
        )


def _percent(level: float) -> str:
    return f"{level * 100:g}%"
