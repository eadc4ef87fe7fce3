"""What is asked of ClickHouse are the sums that windows hold, in the same buckets."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from callgauge_evaluator.binding import bind_history
from callgauge_evaluator.totals_sql import Cut, rows_of, totals_sql
from callgauge_history.store import Store
from callgauge_rules.bound import BoundCondition
from callgauge_rules.placing import Placed
from callgauge_rules.rule import Rule
from callgauge_windows.histogram import bucket_of, upper_bounds
from callgauge_windows.signed import signed_key
from callgauge_windows.totals import Totals
from tests.unit.sinks.made_calls import T0, store_calls, store_scores

START_MS = int(T0 * 1000)
CUT = Cut(START_MS, START_MS + 600_000, 600_000)


def condition_of(aggregate: str, by: tuple[str, ...] = (), **fields: Any) -> BoundCondition:
    entry = {"name": "r", "aggregate": aggregate, "lookback": "10m", "value": "0", "by": list(by)} | fields
    [rule], _ = bind_history([Placed(Rule.model_validate(entry), None, "")])
    return rule.bound.main


def totals(store: Store, aggregate: str, by: tuple[str, ...] = (), **fields: Any) -> dict[tuple[str, ...], Totals]:
    condition = condition_of(aggregate, by, **fields)
    rows = store.query(totals_sql(condition, by, fields.get("where", {}), CUT)).rows
    return {found.labels: found.totals for found in rows_of(condition, by, rows)}


def value(store: Store, aggregate: str, **fields: Any) -> float | None:
    return condition_of(aggregate, **fields).aggregate.of(totals(store, aggregate, **fields).get((), Totals()))


@pytest.fixture
def some_calls(store: Store) -> Store:
    statuses: list[tuple[str, dict[str, Any]]] = [
        ("success", {}),
        ("error", {"error_type": "timeout"}),
        ("error", {"error_type": "rate_limit"}),
    ]
    statuses += [("fallback", {}), ("cancelled", {"cache_level": "exact"}), ("success", {"cache_hit": True})]
    calls: list[dict[str, Any]] = []
    for number, (status, more) in enumerate(statuses * 5):
        calls.append(
            {"end": T0 + number, "status": status, "user_id": "ada" if number % 2 else "bob", "retry_count": 1,
             "input_tokens": 100, "output_tokens": number, "cost_usd": 0.01, "latency_ms": 100.0 * (number + 1),
             "cache_level": ("exact", "exact", "semantic", None)[number // 6 % 4]} | more
        )  # fmt: skip
    calls.append({"end": T0 + 5, "operation": "chain", "latency_ms": 1e6})
    calls.append({"end": T0 + 600, "latency_ms": 1.0})  # behind the end
    store_calls(store, calls)
    return store


def test_counts_and_shares_are_those_of_windows(some_calls: Store) -> None:
    """Calls, errors by type, rates, tokens, costs; steps around calls and what lies outside do not count."""
    expected = {
        "calls": 30, "errors": 10, "error_rate": 1 / 3, "error_rate.timeout": 1 / 6, "success_rate": 2 / 3,
        "fallback_rate": 1 / 6, "cancelled_rate": 1 / 6, "cache_hit_rate": 1 / 6, "rate_limited_rate": 1 / 6,
        "cache_hit_rate.exact": 3 / 30, "cache_hit_rate.semantic": 1 / 30,
        "retries_mean": 1.0, "input_tokens": 3000, "tokens": 3000 + sum(range(30)), "cost_usd": 0.3,
        "cost_mean_usd": 0.01, "output_tokens_mean": 14.5, "calls_per_s": 30 / 600,
    }  # fmt: skip
    assert {name: value(some_calls, name) for name in expected} == pytest.approx(expected)


def test_percentiles_are_of_answered_calls(some_calls: Store) -> None:
    """Within the error of the histogram."""
    answered = sorted(100.0 * (n + 1) for n in range(30) if n % 6 in (0, 3, 5))
    assert value(some_calls, "latency_p50_ms") == pytest.approx(answered[7], rel=0.011)
    assert value(some_calls, "latency_mean_ms") == pytest.approx(sum(answered) / len(answered))


def test_by_user_leaves_out_calls_of_nobody(some_calls: Store) -> None:
    """A rule by user has a series for each user; the largest call is named."""
    store_calls(some_calls, [{"end": T0 + 9}])
    found = totals(some_calls, "latency_p95_ms", ("user_id",))
    assert set(found) == {("ada",), ("bob",)}
    assert found["ada",].measures["latency"].max == 3_000_000
    assert found["ada",].measures["latency"].max_event_id.startswith("call-")


def test_where_narrows_and_is_quoted(store: Store) -> None:
    """Whatever stands in a label."""
    odd = "it's \\ 'odd'"
    store_calls(store, [{"end": T0, "feature": odd}, {"end": T0, "feature": "plain"}])
    found = totals(store, "calls", ("feature",), where={"feature": odd})
    assert {labels: each.n for labels, each in found.items()} == {(odd,): 1}


def test_the_largest_share_of_a_rate_limit(store: Store) -> None:
    """Of requests or tokens, as rollup has it."""
    store_calls(store, [
        {"end": T0, "rate_limit_limit_requests": 100, "rate_limit_remaining_requests": 40},
        {"end": T0, "rate_limit_limit_tokens": 1000, "rate_limit_remaining_tokens": 100},
        {"end": T0, "rate_limit_limit_tokens": 10, "rate_limit_remaining_tokens": 100}, {"end": T0},
    ])  # fmt: skip
    assert value(store, "rate_limit_used") == pytest.approx(0.9)


def test_the_buckets_are_those_of_windows(store: Store) -> None:
    """At every bound, below and above it, and at random."""
    bounds = {int(bound) + more for bound in upper_bounds()[:1100:7] for more in (-1, 0, 1)}
    chosen = random.Random(1)
    numbers = sorted({n for n in bounds if 0 < n <= 10**10} | {chosen.randrange(1, 10**10) for _ in range(300)})
    store_calls(store, [{"end": T0 + 300, "latency_ms": number / 1000} for number in numbers])
    [found] = totals(store, "latency_p50_ms").values()
    buckets, counts = np.unique(bucket_of(np.array(numbers)), return_counts=True)
    assert dict(found.measures["latency"].buckets) == dict(zip(buckets.tolist(), counts.tolist(), strict=True))


def test_scores_have_both_signs(store: Store) -> None:
    """Mean, percentiles and shares of scores; only those that know the labels count in a rule by these labels."""
    values = [-2.5, -1.0, 0.0, 0.5, 4.0]
    store_scores(store, [{"ts": T0, "name": "s", "value": v, "labels": {"model": "m"}} for v in values])
    store_scores(
        store, [{"ts": T0, "name": "s", "value": 9.0, "origin": "judge"}, {"ts": T0, "name": "t", "value": 1.0}]
    )
    [found] = totals(store, "score.s.mean", ("model",)).values()
    assert found.measures["score.s"].buckets == {signed_key(round(v * 1e6)): 1 for v in values}
    assert condition_of("score.s.mean").aggregate.of(found) == pytest.approx(0.2)
    assert condition_of("score.s.p50").aggregate.of(found) == 0.0
    assert condition_of("score.s.rate_below_0").aggregate.of(found) == pytest.approx(0.4)
    assert value(store, "score.s{origin=judge}.mean") == pytest.approx(9.0)


def test_openings_of_breakers(store: Store) -> None:
    """Changes are counted, and those that open."""
    pairs = (("closed", "open"), ("open", "half_open"), ("half_open", "open"))
    store_scores(store, [{"ts": T0, "breaker": "p", "from_state": a, "to_state": b} for a, b in pairs])
    assert value(store, "breaker_opens") == 2.0


def test_steps_part_the_time(store: Store) -> None:
    """A call at a bound belongs to the step that it begins."""
    store_calls(store, [{"end": T0 + at} for at in (0, 59.999, 60, 599.999)])
    condition = condition_of("calls")
    rows = store.query(totals_sql(condition, (), {}, CUT._replace(step_ms=60_000))).rows
    assert [(found.step, found.totals.n) for found in rows_of(condition, (), rows)] == [(0, 2), (1, 1), (9, 1)]
