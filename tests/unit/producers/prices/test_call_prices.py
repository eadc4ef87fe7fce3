"""Calls that come without a cost get one, where it can be known, and each model without a price is told once."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from callgauge import Call, Gauge, SettingError, load_settings
from callgauge.prices.call_prices import CallPrices
from callgauge.prices.found import Prices, load_prices
from callgauge.testing import MemoryTransport

LOGGER = logging.getLogger("callgauge.test")
#: 28 November 2026, 12:00 UTC
NOON = 1_795_867_200.0
TABLE = "genai-prices 0.2.3, 2026-11-28"
CALL: dict[str, Any] = {
    "event_id": "e1",
    "ts": NOON,
    "service": "search",
    "provider": "anthropic",
    "model": "claude-sonnet-4-6",
    "input_tokens": 130_213,
    "cache_read_tokens": 128_955,
    "cache_write_tokens": 1_253,
    "output_tokens": 500,
}
OWN = """
prices:
  - model: claude-sonnet-4-6
    input_mtok: 1
    output_mtok: 1
  - model: drawing
    per_call: 0.04
"""


def of_table() -> CallPrices:
    return CallPrices(load_prices(None), LOGGER)


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    path = tmp_path / "prices.yaml"
    path.write_text(OWN)
    return path


def test_the_check_value() -> None:
    """And where it comes from: table, version, date."""
    assert of_table().cost(CALL) == (0.05090025, TABLE)


@pytest.mark.parametrize(
    "more",
    [
        {"cost_usd": 0.0},
        {"cost_usd": 1.0},
        {"cache_hit": True},
        {"operation": "chain"},
        {"operation": "invoke_agent"},
        {"model": ""},
        {"output_tokens": None},
        {"input_tokens": None},
        {"cache_read_tokens": 130_000},
        {"reasoning_tokens": 501},
    ],
)
def test_no_cost_is_made_up(more: dict[str, Any]) -> None:
    """The host's stands; spans and answers from a cache have none; nor has what lacks a count or contradicts itself.

    None of these is counted as a model without a price.
    """
    prices = of_table()
    assert prices.cost(CALL | more) is None
    assert prices.unpriced == {}


def test_the_model_that_answered_is_paid() -> None:
    """A deployment's name says nothing; of a fallback, the model asked for is not paid even if the other is unknown."""
    prices = of_table()
    asked = CALL | {"provider": "azure", "model": "our-deployment", "response_model": "gpt-4o-2024-08-06"}
    assert prices.cost(asked | {"cache_write_tokens": 0}) == (0.16933875, TABLE)
    assert prices.cost(CALL | {"response_model": "claude-sonnet-4-6-2099"}) is not None
    assert prices.cost(CALL | {"response_model": "llama-home", "status": "fallback"}) is None
    assert prices.unpriced == {"llama-home": 1}


def test_own_prices_win(own_file: Path) -> None:
    """Over the table's, for the model asked for too; the rest of the table stays."""
    prices = CallPrices(load_prices(own_file), LOGGER)
    cost = prices.cost(CALL | {"response_model": "claude-sonnet-4-6-20260101"})
    assert cost is not None
    assert cost[0] == 0.130713
    assert cost[1].startswith("prices.yaml ")
    assert cost[1].endswith(", 2026-11-28")
    assert prices.cost(CALL | {"model": "claude-haiku-4-5"}) == (0.01696675, TABLE)


def test_a_price_by_the_call_needs_an_answer(own_file: Path) -> None:
    """Without counts a call that failed may not have been charged."""
    prices = CallPrices(load_prices(own_file), LOGGER)
    drawing = {"event_id": "e", "ts": NOON, "service": "s", "model": "drawing"}
    found = prices.cost(drawing)
    assert found is not None
    assert found[0] == 0.04
    assert prices.cost(drawing | {"status": "error"}) is None


def test_the_hour_counts() -> None:
    """Where a price depends on it: DeepSeek's at noon is twice that after 16:30 UTC."""
    call = {"event_id": "e", "ts": NOON, "provider": "deepseek", "model": "deepseek-chat"}
    call |= {"input_tokens": 1_000, "output_tokens": 0}
    prices = of_table()
    assert prices.cost(call) == (0.00027, TABLE)
    assert prices.cost(call | {"ts": NOON + 16_199}) == (0.00027, TABLE)
    assert prices.cost(call | {"ts": NOON + 16_200}) == (0.000135, TABLE)


def test_an_unknown_model_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A call that is made ready twice counts once."""
    prices = of_table()
    for event_id in ("e1", "e2", "e2", "e3"):
        assert prices.cost(CALL | {"event_id": event_id, "model": "no-such"}) is None
    assert prices.unpriced == {"no-such": 3}
    assert [record.getMessage() for record in caplog.records] == [
        "no price of model 'no-such' of provider 'anthropic': cost_usd stays empty; CALLGAUGE_PRICES_FILE can name one "
        "(further ones are only counted)"
    ]


def test_memory_is_bounded() -> None:
    """Who makes up names without end fills neither the prices that are kept nor the counts nor the log."""
    prices = of_table()
    for number in range(3_000):
        prices.cost(CALL | {"event_id": str(number), "model": f"m{number}"})
    assert len(prices._kept) <= 2_048
    assert len(prices.unpriced) == 101
    assert sum(prices.unpriced.values()) == 3_000


def test_a_price_is_looked_up_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many calls there are."""
    days: list[date] = []
    prices = of_table()
    find = Prices.find

    def counting(self: Prices, provider: str, names: Any, day: date) -> Any:
        days.append(day)
        return find(self, provider, names, day)

    monkeypatch.setattr(Prices, "find", counting)
    for ts in (NOON, NOON + 43_199.9, NOON + 43_200):
        prices.cost(CALL | {"ts": ts})
    assert days == [date(2026, 11, 28), date(2026, 11, 29)]


@contextmanager
def gauge(transport: MemoryTransport, **settings: Any) -> Iterator[Gauge]:
    with Gauge(load_settings(service="search", **settings), transport=transport) as found:
        yield found


def test_a_gauge_fills_in_costs() -> None:
    """Of fields, of odd fields that are mended, and of a Call; the host's own cost stays, with its source."""
    transport = MemoryTransport()
    with gauge(transport) as found:
        found.emit(CALL)
        found.emit(CALL, input_tokens="130213")
        found.emit(Call(**CALL))
        found.emit(CALL, cost_usd=0.5, price_source="contract")
        found.emit(CALL, cost_usd=0.0)
        found.emit(CALL, model="no-such")
        assert found.flush(10) == 0
        assert found.unpriced == {"no-such": 1}
    priced = (0.05090025, TABLE)
    assert [(call.cost_usd, call.price_source) for call in transport.calls] == [
        *[priced] * 3,
        (0.5, "contract"),
        (0.0, ""),
        (None, ""),
    ]


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_no_call_is_lost_for_its_price(caplog: pytest.LogCaptureFixture) -> None:
    """A Call that was made unchecked is sent without a cost, and that is told."""
    transport = MemoryTransport()
    with gauge(transport) as found:
        found.emit(Call.model_construct(**{**Call(**CALL).model_dump(), "input_tokens": "130213"}))
        assert found.flush(10) == 0
    (message,) = transport.messages
    assert b"cost_usd" not in message.value
    told = "a field of a call was mended: cost_usd: not known, TypeError (further ones are only counted)"
    assert told in [record.getMessage() for record in caplog.records]


def test_a_bad_file_is_told_when_the_gauge_is_made(tmp_path: Path) -> None:
    """Not later, on a thread of its own."""
    path = tmp_path / "prices.yaml"
    path.write_text("prices: 1")
    with pytest.raises(SettingError, match=r"prices\.yaml, line 1: prices is a list"):
        Gauge(load_settings(service="s", prices_file=path), transport=MemoryTransport())


def test_a_gauge_uses_the_file(own_file: Path) -> None:
    """That its settings name."""
    transport = MemoryTransport()
    with gauge(transport, prices_file=own_file) as found:
        found.emit(CALL)
        assert found.flush(10) == 0
    assert transport.calls[0].cost_usd == 0.130713


WITHOUT = """
import logging, sys
sys.modules["genai_prices"] = None
logging.basicConfig(format="%(message)s", stream=sys.stdout)
from callgauge import Gauge, load_settings
from callgauge.testing import MemoryTransport
transport = MemoryTransport()
with Gauge(load_settings(service="s"), transport=transport) as gauge:
    for cost in (1.0, None, None):
        gauge.emit(model="gpt-4o", input_tokens=1, output_tokens=1, cost_usd=cost)
    gauge.flush(10)
print([call.cost_usd for call in transport.calls], gauge.unpriced)
"""


def test_without_the_package_there_is_no_cost() -> None:
    """It is said once, and only to a host that gives none itself."""
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        "calls without cost_usd get none: genai-prices is not installed: pip install 'callgauge[prices]' "
        "(further ones are only counted)",
        "[1.0, None, None] {'gpt-4o': 2}",
    ]


IMPORTED = """
import sys
import callgauge
told = ["genai_prices" in sys.modules]
from callgauge import Call, Gauge, load_settings
told.append("genai_prices" in sys.modules)
from callgauge.testing import MemoryTransport
gauge = Gauge(load_settings(service="s"), transport=MemoryTransport())
told.append("genai_prices.data" in sys.modules)
modules = set(sys.modules)
for name in ("claude-sonnet-4-6", "gpt-5", "deepseek/deepseek-chat", "no-such"):
    gauge.emit(model=name, input_tokens=1, output_tokens=1)
gauge.flush(10)
print(told, sorted(set(sys.modules) - modules), "yaml" in sys.modules)
"""


def test_the_table_is_loaded_with_the_first_gauge() -> None:
    """Not by `import callgauge`, not by its names, and nothing later on the delivery thread; YAML not at all."""
    run = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert run.stdout == "[False, False, True] [] False\n"
