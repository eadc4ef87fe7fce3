"""Questions count what calls were priced at later, whatever they are read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from callgauge.schema import Call
from callgauge_history.budgets.budget import Budget
from callgauge_history.budgets.spending import spending
from callgauge_history.questions.calls import dearest, find_calls
from callgauge_history.questions.percentiles import percentiles
from callgauge_history.questions.period import Period
from callgauge_history.questions.series import series
from callgauge_history.questions.summary import summary, summary_by
from callgauge_history.questions.top import top
from callgauge_history.questions.trace import trace
from callgauge_history.questions.usage import usage
from callgauge_history.repricing import reprice
from callgauge_history.store import Ask, Store
from callgauge_history.tiers import touched
from callgauge_history.tiers.job import derive
from callgauge_history.tiers.ladder import BASES
from callgauge_history.tiers.usage import derive_usage
from tests.random_calls import random_calls
from tests.unit.sinks.history.questions.filled import fill

START_MS = 1_772_409_600_000  # 2026-03-02 00:00 UTC
PERIOD = Period(START_MS, START_MS + 2 * 86_400_000)
QUESTIONS: dict[str, Callable[[Ask], Any]] = {
    "summary": lambda ask: summary(ask, PERIOD).numbers.cost_usd,
    "by model": lambda ask: [(each.values, each.cost_usd) for each in summary_by(ask, PERIOD, ["model"])],
    "of users": lambda ask: summary_by(ask, PERIOD, ["user_id"]),
    "mean by day": lambda ask: series(ask, PERIOD, "cost_mean_usd", 86_400_000, ["model"]),
    "percentiles": lambda ask: percentiles(ask, PERIOD, "cost", ["model"], qs=[0.5, 0.9]),
    "models": lambda ask: top(ask, PERIOD, "model"),
    "users": lambda ask: top(ask, PERIOD, "user_id"),
    "usage": lambda ask: usage(ask, PERIOD, ["user_id", "model"]),
    "days": lambda ask: usage(ask, PERIOD, ["user_id"]),
    "hours": lambda ask: usage(ask, PERIOD, [], {"user_id": "u1"}, step="hour", zone="Asia/Kolkata"),
    "calls": lambda ask: [(each.event_id, each.cost_usd) for each in find_calls(ask, PERIOD, limit=1_000).calls],
    "dearest": lambda ask: [(each.event_id, each.cost_usd) for each in dearest(ask, PERIOD, limit=30)],
    "a trace": lambda ask: trace(ask, "t1"),
    "a budget": lambda ask: [
        (each.value, round(each.spent, 9))
        for each in spending(
            ask,
            Budget.model_validate({"name": "b", "limit": "10", "period": "month", "by": "user_id"}),
            PERIOD.end_ms,
        )
    ],
}


def made_calls(*, later: bool) -> list[Call]:
    """Some came without a cost, some with one that is priced again; `later`: as if they had come with the new cost.
    They come ten at a time, two hours apart, since each time is a statement when tiers are derived."""
    found = []
    for at, call in enumerate(random_calls(240, seed=5, span_s=170_000)):
        sent = None if at % 3 == 0 else 0.0 if at % 7 == 0 else (at % 11) / 1_000
        cost = price(at % 900 + 1) if later and at % 2 else sent
        found.append(
            call.model_copy(
                update={
                    "ts": START_MS / 1000 + at // 10 * 7_000 + at % 10 * 5, "latency_ms": 500.0, "cost_usd": cost,
                    "operation": "chat",
                    "model": "again" if at % 2 else "as it was", "response_model": None, "status": "success",
                    "input_tokens": at % 900 + 1, "user_id": f"u{at % 3}", "event_id": f"event-{at}",
                    "trace_id": f"t{at // 5}", "price_source": None if cost is None else "some, 2026-03-02",
                    "cache_read_tokens": None, "cache_write_tokens": None, "reasoning_tokens": None,
                }
            )
        )  # fmt: skip
    return found


def price(input_tokens: int) -> float:
    return input_tokens / 100_000


def priced_again(call: Any) -> tuple[float, str] | None:
    return (price(call["input_tokens"]), "new, 2026-03-02") if call["model"] == "again" else None


@pytest.fixture(scope="module")
def expected(module_store: Store) -> dict[str, Any]:
    """The answers about calls that had come with the new costs."""
    fill(module_store, made_calls(later=True), [])
    return {name: question(module_store.query) for name, question in QUESTIONS.items()}


@pytest.fixture(scope="module")
def adjusted(module_store: Store, expected: dict[str, Any]) -> Store:
    """A store of calls that came as they did, of which some are priced again, twice."""
    for table in ("calls", "windows", "block_summaries", "epochs"):
        module_store.command(f"TRUNCATE TABLE {table}")
    fill(module_store, made_calls(later=False), [])

    def wrongly(call: Any) -> tuple[float, str] | None:
        found = priced_again(call)
        return found and (found[0] * 3, "wrong, 2026-03-02")

    for made_at, price_of in enumerate((wrongly, priced_again)):
        reprice(
            module_store.query, price_of, PERIOD.start_ms, PERIOD.end_ms,
            made_at_ms=made_at, made_by="ada", store=module_store,
        )  # fmt: skip
    return module_store


@pytest.fixture(scope="module")
def derived(adjusted: Store) -> Iterator[Store]:
    """The same, with tiers and usage derived of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(touched, "OVERLAP_MS", -60_000)
        derive(adjusted, BASES[0])
        derive_usage(adjusted, int(adjusted.query("SELECT toUnixTimestamp64Milli(now64(3))").rows[0][0]))
        yield adjusted


@pytest.mark.parametrize("name", QUESTIONS)
def test_as_if_they_had_come_so(adjusted: Store, expected: dict[str, Any], name: str) -> None:
    """The answer is that about calls which came with the new costs, from windows and calls."""
    assert QUESTIONS[name](adjusted.query) == expected[name]


def test_something_was_adjusted(adjusted: Store, expected: dict[str, Any]) -> None:
    """Else the test above could not fail."""
    assert expected["summary"] > Decimal("0.2")
    [[calls, without]] = adjusted.query(
        "SELECT count(), countIf(cost_nano_as_sent IS NULL) FROM cost_adjustments_latest"
    ).rows
    assert int(calls) > 100 > int(without) > 20


@pytest.mark.parametrize("name", QUESTIONS)
def test_as_if_they_had_come_so_in_tiers_and_usage(derived: Store, expected: dict[str, Any], name: str) -> None:
    """The same, once tiers and usage are there to answer from; last, because they stay."""
    assert QUESTIONS[name](derived.query) == expected[name]
