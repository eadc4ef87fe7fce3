"""Who and what costs most: users, features, models, or any other label."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from callgauge.counted import LABELS
from callgauge.errors import QuestionError
from callgauge.near_names import unknown
from callgauge_history.questions.labels import Where, check_labels
from callgauge_history.questions.numbers import TOTALS, columns_needed
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.questions.source import choose
from callgauge_history.questions.usage import usage_rows
from callgauge_history.store import Ask

__all__ = ["Spender", "top"]

Order = Literal["cost", "calls", "tokens", "errors"]
_ORDERS: dict[str, str] = {
    "cost": "cost_nano",
    "calls": "calls",
    "tokens": "input_tokens + output_tokens",
    "errors": "errors",
}
_ORDERS_OF_ROWS = {
    "cost": "sum(r.cost_nano)",
    "calls": "sum(r.calls)",
    "tokens": "sum(r.input_tokens) + sum(r.output_tokens)",
    "errors": "sum(r.errors)",
}
_COLUMNS = ("calls", "errors", "input_tokens", "output_tokens", "cost_nano")


@dataclass(frozen=True)
class Spender:
    """One value of the label, and what its calls came to.

    Attributes:
        share: of the cost of all, 0 ... 1; None if nothing had a cost.
    """

    value: str
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    share: float | None


def top(
    ask: Ask,
    period: Period,
    label: str = "model",
    where: Where | None = None,
    *,
    order: Order = "cost",
    limit: int = 10,
) -> list[Spender]:
    """The values of a label with the most of something. Of users, those without a name are left out.

    Args:
        label: a label of `counted.LABELS`, or "user_id".

    Raises:
        QuestionError: a name is no label, or there is no such order.
        StoreError: the store cannot be asked.
    """
    [label] = check_labels([label], (*LABELS, "user_id"))
    if order not in _ORDERS:
        raise QuestionError(unknown(order, "order", _ORDERS, plain=True))
    if label == "user_id":
        return _top_users(ask, period, where, order, limit)
    source = choose(ask, period, [label], where)
    rows = source.rows([label, *columns_needed(TOTALS[name] for name in _COLUMNS)])
    sums = ", ".join(f"{TOTALS[name].sql} AS {name}" for name in _COLUMNS)
    sql = (
        f"SELECT * EXCEPT (cost_of_all), if(cost_of_all = 0, NULL, cost_nano / cost_of_all) AS share FROM ("  # noqa: S608 (names of ours)
        f"SELECT toString(r.{label}) AS value, {sums}, sum(cost_nano) OVER () AS cost_of_all "
        f"FROM {rows} AS r GROUP BY r.{label}"
        f") ORDER BY {_ORDERS[order]} DESC, value LIMIT {{limit:UInt32}}"
    )
    return read(ask, Spender, sql, source.all_parameters | {"limit": limit})


def _top_users(ask: Ask, period: Period, where: Where | None, order: str, limit: int) -> list[Spender]:
    """There may be millions of users, so first they are found, by as few columns as that takes."""
    rows, parameters = usage_rows(ask, period, where, by=["user_id"], named=True)
    sql = (
        f"SELECT toString(r.user_id) AS value, {_ORDERS_OF_ROWS[order]} AS most, "  # noqa: S608 (names of ours)
        "sum(r.cost_nano) AS cost_nano, toInt64(sum(cost_nano) OVER ()) AS cost_of_all "
        f"FROM {rows} AS r GROUP BY r.user_id ORDER BY most DESC, value LIMIT {{limit:UInt32}}"
    )
    found = ask(sql, parameters | {"limit": limit}).rows
    if not found:
        return []
    cost_of_all = int(found[0][3])
    names = [str(row[0]) for row in found]
    rows, parameters = usage_rows(ask, period, {**(where or {}), "user_id": names}, by=["user_id"])
    sums = ", ".join(f"sum(r.{name}) AS {name}" for name in _COLUMNS)
    sql = (
        f"SELECT toString(r.user_id) AS value, {sums}, "  # noqa: S608 (names of ours)
        f"if({cost_of_all} = 0, NULL, cost_nano / {cost_of_all}) AS share FROM {rows} AS r GROUP BY r.user_id"
    )
    spenders = {each.value: each for each in read(ask, Spender, sql, parameters)}
    return [spenders[name] for name in names if name in spenders]
