"""What has been spent from budgets, and how fast: questions to the store.

    burn          what was spent in the last 24th of a period, against what may be: 1 spends exactly the budget
    exhausted     when the limit is reached if it goes on as in the last 24th of a period; not if the period ends before

Costs are those of the calls with their later adjustments (`callgauge reprice`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from callgauge.operations import STEPS
from callgauge_history.budgets.budget import Budget
from callgauge_history.budgets.periods import Period, period_at
from callgauge_history.quoted import at, quoted
from callgauge_history.store import QueryResult

__all__ = ["Spending", "spending", "spending_sql"]

Ask = Callable[[str], QueryResult]

_AMOUNTS = {
    "cost_usd": ("ifNull(cost_nano, 0)", 1e-9),
    "tokens": ("ifNull(input_tokens, 0) + ifNull(output_tokens, 0)", 1.0),
    "calls": ("1", 1.0),
}
_PARTS = 24


@dataclass(frozen=True)
class Spending:
    """What one value of a budget's label has spent.

    Attributes:
        value: of the label `by`; "" if the budget has none.
        limit, spent, recent: in the unit of the budget; recent: in the last 24th of a period.
        calls: of the period.
        burn: see the top of the file.
        exhausted_at: epoch seconds; None if it lasts.
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
        """See the top of the file."""
        if self.spent >= self.limit:
            return self.at_ms / 1000
        if self.recent <= 0:
            return None
        span_ms = (self.period.end_ms - self.period.start_ms) / _PARTS
        at_ms = self.at_ms + self.left / self.recent * span_ms
        return at_ms / 1000 if at_ms < self.period.end_ms else None


def spending(ask: Ask, budget: Budget, at_ms: int, value: str | None = None) -> list[Spending]:
    """What has been spent in the period of an instant, up to it; those who have spent most of their limit first.

    Args:
        value: of this value of the budget's label only.

    Raises:
        StoreError: the store cannot be asked.
    """
    period = period_at(at_ms, budget.period, budget.zone)
    factor = _AMOUNTS[budget.of][1]
    found = [
        Spending(
            budget=budget.name,
            by=budget.by,
            value=str(name),
            of=budget.of,
            period=period,
            at_ms=at_ms,
            limit=budget.limit_of(str(name)),
            spent=int(spent) * factor,
            recent=int(recent) * factor,
            calls=int(calls),
        )
        for name, spent, recent, calls in ask(spending_sql(budget, period, at_ms, value)).rows
        if int(spent) or int(calls)
    ]
    return sorted(found, key=lambda each: (-each.share, each.value))


def spending_sql(budget: Budget, period: Period, at_ms: int, value: str | None = None) -> str:
    """The statement: value, spent, spent lately, calls."""
    recent_ms = at_ms - (period.end_ms - period.start_ms) // _PARTS
    first_ms = min(period.start_ms, recent_ms)
    wanted = dict(budget.where) | ({budget.by: value} if budget.by and value is not None else {})
    conditions = [f"event_time >= {at(first_ms)}", f"event_time < {at(at_ms)}", *_equal(wanted)]
    if budget.by:
        conditions.append(f"{budget.by} != ''")
    steps = ", ".join(quoted(step) for step in sorted(STEPS))
    where = " AND ".join(conditions)
    name, amount = budget.by or "''", _AMOUNTS[budget.of][0]
    parts = [
        f"SELECT {name} AS name, event_time, {amount} AS amount, 1 AS one FROM calls FINAL "  # noqa: S608 (texts are quoted)
        f"WHERE {where} AND operation NOT IN ({steps})"
    ]
    if budget.of == "cost_usd":
        adjustments = f"SELECT {name} AS name, event_time, delta_nano AS amount, 0 AS one FROM cost_adjustments_latest"  # noqa: S608
        parts.append(f"{adjustments} WHERE {where}")
    in_period, lately = f"event_time >= {at(period.start_ms)}", f"event_time >= {at(recent_ms)}"
    sums = f"sumIf(amount, {in_period}), sumIf(amount, {lately}), sumIf(one, {in_period})"
    return f"SELECT name, {sums} FROM ({' UNION ALL '.join(parts)}) GROUP BY name"  # noqa: S608


def _equal(wanted: Mapping[str, str]) -> list[str]:
    return [f"{label} = {quoted(value)}" for label, value in wanted.items()]
