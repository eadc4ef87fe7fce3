"""Usage by user and hour is a recount of the calls, however often it is derived."""

from __future__ import annotations

from collections import Counter

import pytest

from callgauge.schema import Call
from callgauge_history.store import Store
from callgauge_history.tiers import touched
from callgauge_history.tiers.usage import HOUR_MS, derive_usage, usage_coverage
from callgauge_sinks.rows import call_rows
from tests.random_calls import random_calls
from tests.unit.sinks.test_rows import call_record


def insert(store: Store, calls: list[Call], first: int = 0) -> None:
    records = [call_record(call, 0, offset) for offset, call in enumerate(calls, first)]
    store.insert("calls", call_rows(records)["calls"])


def now_ms(store: Store) -> int:
    return int(store.query("SELECT toUnixTimestamp64Milli(now64(3))").rows[0][0])


def test_usage_is_a_recount(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Late calls and repeated ones included, steps of traces left out."""
    monkeypatch.setattr(touched, "OVERLAP_MS", 0)
    calls = [
        call.model_copy(update={"user_id": f"u{at % 3}", "operation": "chain" if at % 10 == 0 else "chat"})
        for at, call in enumerate(random_calls(200, seed=9, span_s=30_000))
    ]
    for part in (calls[:150], calls[:50], calls[150:]):
        insert(store, part, first=calls.index(part[0]))
        assert derive_usage(store, now_ms(store)) > 0
    expected: Counter[tuple[str, int, str]] = Counter()
    for call in calls:
        if call.operation == "chat":
            end_ms = int(call.ts * 1e3 + (call.latency_ms or 0))
            expected[call.user_id, end_ms // HOUR_MS * HOUR_MS // 1000, call.model] += 1
    rows = store.query("SELECT user_id, toUnixTimestamp(hour), model, sum(calls) FROM usage_1h FINAL GROUP BY ALL").rows
    assert {(user, at, model): int(count) for user, at, model, count in rows} == expected
    cost = store.query("SELECT sum(cost_nano), sum(errors) FROM usage_1h FINAL").rows
    assert (
        cost
        == store.query(
            "SELECT sum(cost_nano), countIf(status = 'error') FROM calls FINAL WHERE operation = 'chat'"
        ).rows
    )


def test_days_are_a_recount_of_their_hours(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By user alone; a late call changes its day, and so does the first round after days were left out."""
    monkeypatch.setattr(touched, "OVERLAP_MS", 0)
    calls = [
        call.model_copy(update={"user_id": f"u{at % 3}", "operation": "chat"})
        for at, call in enumerate(random_calls(120, seed=4, span_s=200_000))
    ]
    insert(store, calls[:60])
    derive_usage(store, now_ms(store))
    insert(store, calls[60:], first=60)
    derive_usage(store, now_ms(store), days_from_ms=None)
    derive_usage(store, now_ms(store))
    sums = "user_id, sum(calls), sum(errors), sum(input_tokens), sum(output_tokens), sum(cost_nano)"
    hours = f"SELECT toStartOfDay(hour) AS day, {sums} FROM usage_1h FINAL GROUP BY day, user_id ORDER BY ALL"
    found = store.query(f"SELECT day, {sums} FROM usage_1d FINAL GROUP BY day, user_id ORDER BY ALL").rows
    assert found == store.query(hours).rows
    assert sum(int(row[2]) for row in found) == len(calls)
    assert {each.name for each in usage_coverage(store.query, by_user_alone=True)} == {"usage_1h", "usage_1d"}
    counted = store.query("SELECT hour, calls FROM calls_1h FINAL ORDER BY hour").rows
    assert counted == store.query("SELECT hour, sum(calls) FROM usage_1h FINAL GROUP BY hour ORDER BY hour").rows


def test_hours_whose_calls_are_gone_stay(store: Store) -> None:
    """An hour from before what the calls keep is not derived again."""
    calls = list(random_calls(10, seed=3, span_s=10))
    insert(store, calls)
    derive_usage(store, now_ms(store))
    before = store.query("SELECT * FROM usage_1h FINAL ORDER BY ALL").rows
    store.command("TRUNCATE TABLE calls")
    insert(store, calls[:1])
    assert derive_usage(store, now_ms(store), kept_from_ms=now_ms(store)) == 0
    assert store.query("SELECT * FROM usage_1h FINAL ORDER BY ALL").rows == before
    [coverage] = usage_coverage(store.query)
    assert coverage.kept_from_ms > 0
