"""What is noted of the prices that calls were counted by, and how it is told."""

from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from callgauge.prices.call_prices import CallPrices
from callgauge.prices.found import Prices, load_prices
from callgauge_history.price_notes import note_adjusted, note_recent
from callgauge_history.questions.period import Period
from callgauge_history.questions.prices import PricePart, prices_used, shown
from callgauge_history.repricing import reprice
from callgauge_history.store import Store
from callgauge_history.tiers.job import TierJob
from tests.unit.sinks.made_calls import T0, store_calls

PERIOD = Period(int(T0 * 1000), int(T0 * 1000) + 86_400_000)
OLD = """
prices:
  - model: house-*
    input_mtok: 2
    output_mtok: 4.5
    tiers:
      - {above: 1000, input_mtok: 3}
  - {model: rented, per_call: 0.25}
"""
NEW = OLD.replace("2\n", "20\n")


def prices_of(path: Path, text: str) -> Prices:
    path.write_text(text)
    return Prices(None, load_prices(path)._own)


@pytest.fixture
def prices(tmp_path: Path) -> Prices:
    return prices_of(tmp_path / "prices.yaml", OLD)


def priced(prices: Prices, **fields: Any) -> dict[str, Any]:
    """A call with what a Gauge fills in."""
    own = {"service": "chat", "input_tokens": 500, "output_tokens": 10, "latency_ms": 0.0} | fields
    given = dict.fromkeys(("provider", "model", "response_model", "operation", "status", "cost_usd", "cache_hit"))
    cost = CallPrices(prices, logging.getLogger("test")).cost(given | own | {"ts": own["end"], "event_id": "e"})
    assert cost is not None
    return own | {"cost_usd": cost[0], "price_source": cost[1]}


def test_the_price_of_a_call_is_told(store: Store, prices: Prices) -> None:
    """Its entry and lines; of calls that came with a cost that there is none."""
    store_calls(store, [
        priced(prices, end=T0 + 1, model="house-7", event_id="one"),
        priced(prices, end=T0 + 2, model="house-7"),
        priced(prices, end=T0 + 3, model="rented", provider="them"),
        {"end": T0 + 4, "model": "sent", "cost_usd": 0.001},
    ])  # fmt: skip
    assert note_recent(store, prices) == (2, ())
    rented, house, sent = prices_used(store.query, PERIOD)
    assert (rented.entry, rented.provider, rented.calls) == ("line 8: rented", "them", 1)
    assert rented.parts == (PricePart("call", Decimal("0.25"), None, 0),)
    assert (house.calls, house.cost_usd, house.price_source[:12]) == (2, Decimal("0.002090000"), "prices.yaml ")
    assert shown(house).price == "input_tokens 2, input_tokens above 1,000 3, output_tokens 4.5"
    assert (sent.price_source, sent.parts, shown(sent).price) == ("", (), "sent with the call")
    assert [each.calls for each in prices_used(store.query, PERIOD, event_id="one")] == [1]
    assert prices_used(store.query, PERIOD, {"model": "nobody's"}) == []


def test_twice_notes_nothing_more(store: Store, prices: Prices) -> None:
    """And what is new since then is found."""
    store_calls(store, [priced(prices, end=T0 + 1, model="house-7")])
    assert note_recent(store, prices).prices == 1
    assert note_recent(store, prices).prices == 0
    store_calls(store, [priced(prices, end=T0 + 1, model="house-8")])
    assert note_recent(store, prices).prices == 1
    assert (
        store.query("SELECT count() FROM prices_used").rows == store.query("SELECT count() FROM prices_used FINAL").rows
    )


def test_another_table_tells_nothing(store: Store, prices: Prices, tmp_path: Path) -> None:
    """A price that was not used must not be told for one that was."""
    store_calls(store, [
        priced(prices, end=T0 + 1, model="house-7"),
        {"end": T0 + 2, "model": "house-7", "cost_usd": 1.0, "price_source": "somebody's"},
    ])  # fmt: skip
    noted = note_recent(store, prices_of(tmp_path / "prices.yaml", NEW))
    assert (noted.prices, {each.model for each in noted.unknown}, len(noted.unknown)) == (0, {"house-7"}, 2)
    assert len(noted.tables) == 1, "somebody's own figure is of no table"
    assert {shown(each).price[:9] for each in prices_used(store.query, PERIOD)} == {"not noted"}
    assert note_recent(store, prices).prices == 1


def test_of_a_fallback_the_model_that_answered_is_paid(store: Store, prices: Prices) -> None:
    """The model asked for is none of its names."""
    call = priced(prices, end=T0 + 1, model="rented", response_model="house-7", status="fallback")
    store_calls(store, [call])
    assert note_recent(store, prices).prices == 1
    assert [each.entry for each in prices_used(store.query, PERIOD)] == ["line 3: house-*"]


def test_calls_that_are_priced_again_have_their_new_price(store: Store, prices: Prices, tmp_path: Path) -> None:
    """It is noted with the adjustment."""
    store_calls(store, [priced(prices, end=T0 + 1, model="house-7")])
    new = prices_of(tmp_path / "prices.yaml", NEW)
    price_of = CallPrices(new, logging.getLogger("test")).cost
    reprice(store.query, price_of, PERIOD.start_ms, PERIOD.end_ms, made_at_ms=1, made_by="ada", store=store)
    assert note_adjusted(store, new, PERIOD.start_ms, PERIOD.end_ms).prices == 1
    [used] = prices_used(store.query, PERIOD)
    assert (used.cost_usd, shown(used).price[:15]) == (Decimal("0.010045000"), "input_tokens 20")


def test_the_log_names_few_tables(store: Store, prices: Prices, caplog: pytest.LogCaptureFixture) -> None:
    """Who sends calls names the tables, each call another if he likes."""
    named = [f"table {at}, 2026-01-01" for at in range(50)]
    store_calls(store, [{"end": T0 + 1, "model": "house-7", "cost_usd": 1.0, "price_source": name} for name in named])
    job = TierJob(store, {}, prices=prices)
    for _ in range(2):
        job._note_prices()
    told = [record for record in caplog.records if "which is not here" in record.getMessage()]
    assert 0 < len(told) <= 20
