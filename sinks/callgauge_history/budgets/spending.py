"""What has been spent from budgets, and how fast: questions to the store.

    burn          what was spent in the last 24th of a period, against what may be: 1 spends exactly the budget
    exhausted     when the limit is reached if it goes on as in the last 24th of a period; not if the period ends before

Whole hours and days come from the tables of usage, the rest from the calls. Costs are those of the calls with their
later adjustments (`callgauge reprice`).
"""

from __future__ import annotations

from dataclasses import dataclass

from callgauge_history.budgets.budget import Budget
from callgauge_history.budgets.periods import Period, period_at
from callgauge_history.questions.period import Period as Asked
from callgauge_history.questions.usage import usage_rows
from callgauge_history.store import Ask

__all__ = ["Spending", "spending"]

_AMOUNTS = {
    "cost_usd": ("r.cost_nano", 1e-9), "tokens": ("r.input_tokens + r.output_tokens", 1.0), "calls": ("r.calls", 1.0)
}  # fmt: skip
_PARTS = 24


@dataclass(frozen=True)
class Spending:
    """What one value of a budget's label has spent.

    Attributes:
        value: of the label `by`; "" if the budget has none.
        limit, spent, recent: in the unit of the budget; recent: in the last 24th of a period.
        calls: of the period.
    """

    budget: str
    by: str
    value: str
    of: str
    period: Period
    at_ms: int
    limit: float
    spent: float
    recent: float
    calls: int

    @property
    def share(self) -> float:
        """Of the limit."""
        return self.spent / self.limit

    @property
    def left(self) -> float:
        """What may still be spent, 0 at least."""
        return max(0.0, self.limit - self.spent)

    @property
    def burn(self) -> float:
        """See the top of the file."""
        return self.recent * _PARTS / self.limit

    @property
    def exhausted_at(self) -> float | None:
        """See the top of the file; epoch seconds, None if it lasts."""
        if self.spent >= self.limit:
            return self.at_ms / 1000
        if self.recent <= 0:
            return None
        at_ms = self.at_ms + self.left / self.recent * self.period.length_ms / _PARTS
        return at_ms / 1000 if at_ms < self.period.end_ms else None


def spending(ask: Ask, budget: Budget, at_ms: int, value: str | None = None) -> list[Spending]:
    """What has been spent in the period of an instant, up to it; those who have spent most of their limit first.

    Args:
        value: of this value of the budget's label only.

    Raises:
        StoreError: the store cannot be asked.
    """
    period = period_at(at_ms, budget.period, budget.zone)
    if at_ms == period.start_ms:
        return []
    factor = _AMOUNTS[budget.of][1]
    in_period = _sums(ask, budget, Asked(period.start_ms, at_ms), value)
    lately = _sums(ask, budget, Asked(at_ms - period.length_ms // _PARTS, at_ms), value)
    found = [
        Spending(
            budget=budget.name,
            by=budget.by,
            value=name,
            of=budget.of,
            period=period,
            at_ms=at_ms,
            limit=budget.limit_of(name),
            spent=spent * factor,
            recent=lately.get(name, (0, 0))[0] * factor,
            calls=calls,
        )
        for name, (spent, calls) in in_period.items()
    ]
    return sorted(found, key=lambda each: (-each.share, each.value))


def _sums(ask: Ask, budget: Budget, asked: Asked, value: str | None) -> dict[str, tuple[int, int]]:
    """Value -> what it spent, and its calls."""
    where = dict(budget.where) | ({budget.by: value} if budget.by and value is not None else {})
    rows, parameters = usage_rows(ask, asked, where, by=[budget.by] if budget.by else [])
    name, amount = budget.by or "''", _AMOUNTS[budget.of][0]
    named = f"WHERE {name} != '' " if budget.by else ""
    sql = f"SELECT {name} AS name, sum({amount}), sum(r.calls) AS calls FROM {rows} AS r {named}"  # noqa: S608 (names of ours)
    found = ask(f"{sql}GROUP BY name HAVING calls > 0", parameters).rows
    return {str(name): (int(spent), int(calls)) for name, spent, calls in found}
