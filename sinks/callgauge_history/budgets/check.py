"""May somebody spend so much more? The question that a service asks before a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from callgauge_history.budgets.budget import Budget
from callgauge_history.budgets.periods import period_at
from callgauge_history.budgets.spending import Spending, spending
from callgauge_history.store import Ask

__all__ = ["BudgetAnswer", "BudgetCheck", "Decision", "check_budget"]

Decision = Literal["ok", "soft", "hard"]
_ORDER: tuple[Decision, ...] = ("ok", "soft", "hard")


@dataclass(frozen=True)
class BudgetCheck:
    """One budget, and what it would be after the call.

    Attributes:
        asked: what the call would spend, in the budget's unit; 0 if that was not said.
        decision: soft: beyond the soft share, to be warned of; hard: beyond the hard one, to be refused.
    """

    spending: Spending
    asked: float
    decision: Decision

    @property
    def share_after(self) -> float:
        """Share of the limit that would be spent."""
        return (self.spending.spent + self.asked) / self.spending.limit


@dataclass(frozen=True)
class BudgetAnswer:
    """What all budgets say that concern the call: the strictest decides."""

    checks: tuple[BudgetCheck, ...]

    @property
    def decision(self) -> Decision:
        """The strictest."""
        return max((check.decision for check in self.checks), key=_ORDER.index, default="ok")

    @property
    def allowed(self) -> bool:
        """Whether no budget refuses."""
        return self.decision != "hard"


def check_budget(
    ask: Ask,
    budgets: Sequence[Budget],
    labels: Mapping[str, str],
    *,
    at_ms: int,
    cost_usd: float | None = None,
    tokens: int | None = None,
) -> BudgetAnswer:
    """Ask all budgets that concern a call.

    Args:
        labels: of the call: user_id, service, feature, ... Of labels that are left out budgets are asked that name a
            value of them, too.
        at_ms: epoch ms.
        cost_usd, tokens: what the call would spend; a budget of calls counts it as one.

    Raises:
        StoreError: the store cannot be asked.
    """
    asked = {"cost_usd": cost_usd or 0.0, "tokens": float(tokens or 0), "calls": 1.0}
    found = (_checked(ask, budget, labels, asked[budget.of], at_ms) for budget in budgets if budget.concerns(labels))
    return BudgetAnswer(tuple(sorted(found, key=lambda each: -each.share_after)))


def _checked(ask: Ask, budget: Budget, labels: Mapping[str, str], asked: float, at_ms: int) -> BudgetCheck:
    value = labels[budget.by] if budget.by else ""
    rows = spending(ask, budget, at_ms, value if budget.by else None)
    spent = rows[0] if rows else _nothing(budget, value, at_ms)
    share = (spent.spent + asked) / spent.limit
    # What is used up to the cent is not beyond it.
    decision: Decision = "hard" if share > budget.hard else "soft" if share > budget.soft else "ok"
    return BudgetCheck(spent, asked, decision)


def _nothing(budget: Budget, value: str, at_ms: int) -> Spending:
    period = period_at(at_ms, budget.period, budget.zone)
    return Spending(budget.name, budget.by, value, budget.of, period, at_ms, budget.limit_of(value), 0.0, 0.0, 0)
