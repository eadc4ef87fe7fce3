"""Calls are priced again as adjustments: what is chosen, what is written, and that doing it twice does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from callgauge_history import repricing
from callgauge_history.repricing import Repriced, reprice
from callgauge_history.store import Store
from tests.unit.sinks.made_calls import T0, store_calls

OLD, NEW = "table 1, 2026-11-02", "table 2, 2026-11-02"
FROM_MS, TO_MS = int(T0 * 1000), int(T0 * 1000) + 3_600_000


def price_of(call: Mapping[str, Any]) -> tuple[float, str] | None:
    """A cent for a hundred input tokens, of models whose name begins with m."""
    assert call["cost_usd"] is None
    if not call["model"].startswith("m") or call["input_tokens"] is None:
        return None
    return call["input_tokens"] / 10_000, NEW


def run(store: Store, made_at_ms: int = 1, *, dry: bool = False, everything: bool = False) -> Repriced:
    how: Any = {"made_at_ms": made_at_ms, "made_by": "ada", "everything": everything}
    return reprice(store.query, price_of, FROM_MS, TO_MS, store=None if dry else store, **how)


@pytest.fixture
def stored(store: Store) -> Store:
    store_calls(store, [
        {"end": T0 + 1, "event_id": "without", "input_tokens": 100, "user_id": "ada"},
        {"end": T0 + 2, "event_id": "by table", "input_tokens": 200, "cost_usd": 0.5, "price_source": OLD},
        {"end": T0 + 3, "event_id": "sent", "input_tokens": 300, "cost_usd": 0.7},
        {"end": T0 + 4, "event_id": "right", "input_tokens": 400, "cost_usd": 0.04, "price_source": OLD},
        {"end": T0 + 5, "event_id": "unknown", "input_tokens": 100, "model": "x"},
        {"end": T0 + 3_600, "event_id": "later", "input_tokens": 100},
    ])  # fmt: skip
    return store


def costs(store: Store) -> dict[str, float | None]:
    return {row[0]: row[1] for row in store.query("SELECT event_id, cost_usd FROM calls_priced").rows}


def test_those_without_a_cost_and_those_that_a_table_priced(stored: Store) -> None:
    """What the emitter sent stays; what is right already, too. The table `calls` is as it was."""
    before = stored.query("SELECT * FROM calls ORDER BY event_id").rows
    done = run(stored)
    assert (done.read, done.adjusted, dict(done.unpriced), dict(done.sources)) == (4, 2, {"x": 1}, {"table 2": 2})
    assert done.models["m"].before == pytest.approx(0.5)
    assert done.models["m"].after == pytest.approx(0.03)
    assert costs(stored) == {
        "without": 0.01, "by table": 0.02, "sent": 0.7, "right": 0.04, "unknown": None, "later": None
    }  # fmt: skip
    assert stored.query("SELECT * FROM calls ORDER BY event_id").rows == before


def test_an_adjustment_says_where_it_comes_from(stored: Store) -> None:
    """Who, when, by which table, and what it was before."""
    run(stored, 1_000)
    columns = "cost_nano, delta_nano, cost_nano_before, price_source, price_source_before, made_by, user_id, model"
    rows = stored.query(f"SELECT event_id, {columns} FROM cost_adjustments ORDER BY event_time").rows
    assert rows == [
        ["without", 10_000_000, 10_000_000, None, NEW, "", "ada", "ada", "m"],
        [
            "by table",
            20_000_000,
            -480_000_000,
            500_000_000,
            "table 2, 2026-11-02",
            "table 1, 2026-11-02",
            "ada",
            "",
            "m",
        ],
    ]


def test_twice_adjusts_nothing_more(stored: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when calls come in many pages."""
    monkeypatch.setattr(repricing, "_PAGE", 1)
    assert run(stored, 1).adjusted == 2
    assert run(stored, 2).adjusted == 0
    assert stored.query("SELECT count() FROM cost_adjustments").rows == [[2]]


def test_a_dry_run_writes_nothing(stored: Store) -> None:
    """It tells the same."""
    assert run(stored, dry=True).adjusted == 2
    assert stored.query("SELECT count() FROM cost_adjustments").rows == [[0]]


def test_everything_takes_sent_costs_too(stored: Store) -> None:
    """Where it is asked for."""
    assert run(stored, everything=True).adjusted == 3
    assert costs(stored)["sent"] == 0.03
