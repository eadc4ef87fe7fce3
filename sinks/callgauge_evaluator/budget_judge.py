"""Budgets as alerts: one for each level of each value of a budget, once in a period.

An alert fires when a level is reached and is over when the period is. Its labels name the level and the period, so the
next period's is another alert.
"""

from __future__ import annotations

from callgauge.schema import Alert
from callgauge.texts import repaired
from callgauge_evaluator.binding import MINUTE_MS
from callgauge_evaluator.lives import LOG, Lives, Subject
from callgauge_history.budgets.budget import Budget, severity_of
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
        found = spending(ask, self._budget, at_ms)
        subjects = [
            self._subject(each, level) for each in found for level in self._budget.levels if each.share >= level
        ]
        return lives.judge(self._name, Timing(), subjects, at_ms, self._over)

    def _subject(self, spent: Spending, level: float) -> Subject:
        labels = {spent.by: spent.value} if spent.by else {}
        labels |= {"level": f"{level:.0%}", "period": spent.period.name}
        totals = Totals()
        totals.counts["n"] = spent.calls

        def alert(state: State) -> Alert:
            told = alert_of(self._rule(level, spent.limit), labels, state, spent.spent, totals, log=LOG)
            return told.model_copy(update={"summary": repaired(self._summary(spent, level)), "detector": "budget"})

        return Subject(labels, rank_of(severity_of(level)), alert)

    def _over(self, labels: dict[str, str]) -> Subject:
        """The alert of a period that is over, or of what was spent and is no longer (costs were adjusted)."""
        level = float(labels.get("level", "100%").removesuffix("%")) / 100

        def alert(state: State) -> Alert:
            rule = self._rule(level, self._budget.limit_of(labels.get(self._budget.by, "")))
            reason = f"{labels.get('period', '')} is over, or its costs were adjusted"
            told = alert_of(rule, labels, state, None, Totals(), reason=reason, log=LOG)
            return told.model_copy(update={"detector": "budget"})

        return Subject(labels, 0, alert)

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
            f"{self._budget.name} (alert at {level:.0%})"
        )
