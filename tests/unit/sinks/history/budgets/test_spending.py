"""What is spent of budgets in ClickHouse, and whether more may be."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from callgauge_history.budgets.budget import Budget
from callgauge_history.budgets.check import check_budget
from callgauge_history.budgets.spending import spending
from callgauge_history.store import Store
from tests.unit.sinks.made_calls import T0, store_calls, totals_range

DAY_S, HOUR_S = 86_400.0, 3_600.0


def ms(hours: float) -> int:
    return int((T0 + hours * HOUR_S) * 1000)


def budget(**fields: Any) -> Budget:
    return Budget.model_validate({"name": "b", "limit": "10", "period": "day"} | fields)


def test_by_user_in_the_period(store: Store) -> None:
    """Users apart, yesterday left out, steps around calls too; who spent most of the limit first."""
    store_calls(store, totals_range(T0, 10, 2, user_id="ada", cost_usd=0.25, input_tokens=10, output_tokens=5))
    store_calls(store, totals_range(T0, 10, 1, user_id="bob", cost_usd=0.1))
    store_calls(store, [{"end": T0 - 1, "user_id": "ada", "cost_usd": 100.0}, {"end": T0 + 1, "cost_usd": 50.0},
                        {"end": T0 + 1, "user_id": "ada", "cost_usd": 7.0, "operation": "chain"}])  # fmt: skip
    found = spending(store.query, budget(by="user_id", limits={"bob": "1.25"}), ms(10))
    assert [(each.value, round(each.spent, 6), each.limit, each.calls) for each in found] == [
        ("bob", 1.0, 1.25, 10),
        ("ada", 5.0, 10.0, 20),
    ]
    [tokens] = spending(store.query, budget(by="user_id", of="tokens"), ms(10), "ada")
    assert (tokens.spent, tokens.calls) == (300, 20)
    [calls] = spending(store.query, budget(of="calls", where={"service": "chat"}), ms(10))
    assert calls.spent == 31


def test_burn_and_exhaustion(store: Store) -> None:
    """Half a dollar an hour of ten a day: it burns 1.2 times too fast, and is gone after twenty hours."""
    store_calls(store, totals_range(T0, 24, 2, cost_usd=0.25))
    [found] = spending(store.query, budget(), ms(10))
    assert found.burn == pytest.approx(1.2)
    assert found.exhausted_at == pytest.approx(T0 + 20 * HOUR_S)
    [slow] = spending(store.query, budget(limit="100"), ms(10))
    assert slow.burn == pytest.approx(0.12)
    assert slow.exhausted_at is None
    [over] = spending(store.query, budget(limit="5"), ms(12))
    assert (over.left, over.exhausted_at) == (0.0, T0 + 12 * HOUR_S)


def test_the_burn_of_a_new_period_looks_back_into_the_old_one(store: Store) -> None:
    """A minute after midnight nothing is spent, and yet it is known how fast it goes."""
    store_calls(store, totals_range(T0 - 2 * HOUR_S, 2, 60, cost_usd=0.1))
    store_calls(store, [{"end": T0 + 1, "cost_usd": 0.1}])
    [found] = spending(store.query, budget(), ms(1 / 60))
    assert found.spent == pytest.approx(0.1)
    assert found.recent == pytest.approx(6.0, abs=0.11)


def test_adjusted_costs_count(store: Store) -> None:
    """The last adjustment of each call, in place of what it came with."""
    [known, unknown] = store_calls(
        store, [{"end": T0 + 1, "cost_usd": 2.0, "user_id": "ada"}, {"end": T0 + 2, "user_id": "ada"}]
    )
    rows = [(known.event_id, 1, 1, int(1e9)), (known.event_id, 1, 2, int(-1.5e9)), (unknown.event_id, 2, 1, int(3e9))]
    store.insert("cost_adjustments", pa.table({
        "event_id": [row[0] for row in rows],
        "event_time": pa.array([int(T0 * 1000) + 1000 * row[1] for row in rows], pa.timestamp("ms", tz="UTC")),
        "made_at": pa.array([row[2] for row in rows], pa.timestamp("ms", tz="UTC")),
        "delta_nano": [row[3] for row in rows],
        "cost_nano": [int(3e9), int(0.5e9), int(3e9)],
        "cost_nano_before": [int(2e9), int(3e9), None],
        "user_id": ["ada"] * 3,
        "service": ["chat"] * 3,
    }))  # fmt: skip
    [found] = spending(store.query, budget(by="user_id"), ms(1))
    assert found.spent == pytest.approx(3.5)
    assert found.calls == 2
    priced = store.query(
        "SELECT event_id, cost_usd, cost_usd_as_sent, cost_adjusted FROM calls_priced ORDER BY ts"
    ).rows
    assert priced == [[known.event_id, 0.5, 2.0, True], [unknown.event_id, 3.0, None, True]]


def test_check_budget(store: Store) -> None:
    """Allowed, warned of, refused; the strictest budget decides; what is used up to the cent is still allowed."""
    store_calls(store, totals_range(T0, 10, 2, user_id="ada", cost_usd=0.25))
    budgets = [budget(by="user_id"), budget(name="all", limit="1000"), budget(name="t", of="tokens", limit="100")]

    def ask(**asked: Any) -> str:
        return check_budget(store.query, budgets, {"user_id": "ada"}, at_ms=ms(10), **asked).decision

    assert [ask(cost_usd=cost) for cost in (0.0, 2.9, 3.1, 5.0, 5.01)] == ["ok", "ok", "soft", "soft", "hard"]
    assert ask(tokens=101) == "hard"
    answer = check_budget(store.query, budgets, {"user_id": "ada"}, at_ms=ms(10), cost_usd=5.01)
    assert not answer.allowed
    assert [(each.spending.budget, each.decision) for each in answer.checks] == [
        ("b", "hard"),
        ("all", "ok"),
        ("t", "ok"),
    ]
    newcomer = check_budget(store.query, budgets, {"user_id": "new"}, at_ms=ms(10), cost_usd=11.0)
    assert newcomer.decision == "hard"
    assert check_budget(store.query, [budget(by="user_id")], {"service": "chat"}, at_ms=ms(10)).checks == ()
