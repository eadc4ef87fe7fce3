"""A price gives the cost of a call as genai-prices' `calc_price` does, to the nano-dollar."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, Provider, Usage
from hypothesis import given
from hypothesis import strategies as st

from callgauge.prices.price import Tiered, price_from
from callgauge.prices.table import _price
from callgauge.units import nanodollars

D = Decimal
SONNET = {
    "input_tokens": D(3),
    "cache_read_tokens": D("0.3"),
    "cache_write_tokens": D("3.75"),
    "output_tokens": D(15),
}
MODELS = [(provider, model) for provider in get_snapshot().providers for model in provider.models]
#: genai-prices' names of counts that it names otherwise.
NAMES = {"reasoning_tokens": "output_reasoning_tokens"}


def times_of(model: ModelInfo) -> list[datetime]:
    """A time in each of the periods in which a model's prices differ, and now."""
    constraints = [one.constraint for one in model.prices] if isinstance(model.prices, list) else []
    days = [datetime(2026, 11, 28, hour, tzinfo=UTC) for hour in (0, 8, 17)]
    starts = [getattr(one, "start_date", None) for one in constraints]
    return days + [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in starts if day]


@st.composite
def counts(draw: st.DrawFn) -> dict[str, int]:
    """Counts of a call of which no part is more than the whole; up to where every tier of the table has begun."""
    read, write, fresh, audio = (draw(st.integers(0, 10 ** draw(st.integers(0, 6)))) for _ in range(4))
    reasoning, said, spoken = (draw(st.integers(0, 10 ** draw(st.integers(0, 5)))) for _ in range(3))
    with_audio = draw(st.booleans())
    found = {
        "input_tokens": read + write + fresh + with_audio * audio,
        "cache_read_tokens": read,
        "cache_write_tokens": write,
        "output_tokens": reasoning + said + with_audio * spoken,
        "reasoning_tokens": reasoning,
    }
    if with_audio:
        found |= {"input_audio_tokens": audio, "cache_audio_read_tokens": 0, "output_audio_tokens": spoken}
    return found


@given(st.sampled_from(MODELS), counts(), st.data())
def test_it_equals_the_library(listed: tuple[Provider, ModelInfo], given: dict[str, int], data: Any) -> None:
    """For any counts: exactly, then rounded half to even as `units.nanodollars` rounds."""
    provider, model = listed
    check(provider, model, data.draw(st.sampled_from(times_of(model))), given)


def test_it_equals_the_library_for_every_model() -> None:
    """Of the whole table, at every time at which a price changes, below and above the tiers."""
    small = {"input_tokens": 1_001, "cache_read_tokens": 333, "cache_write_tokens": 111, "output_tokens": 77}
    large = {"input_tokens": 1_500_001, "cache_read_tokens": 7, "output_tokens": 99, "reasoning_tokens": 98}
    for provider, model in MODELS:
        for at in times_of(model):
            check(provider, model, at, small)
            check(provider, model, at, large)


def check(provider: Provider, model: ModelInfo, at: datetime, given: dict[str, int]) -> None:
    """Compare with the library, unless the model has no price by the token."""
    price = _price(model.get_prices(at))
    if price is None:
        return
    usage = Usage(**{NAMES.get(name, name): count for name, count in given.items()})
    exact = model.calc_price(usage, provider, genai_request_timestamp=at).total_price
    nano = price.nano(given)
    assert nano is not None
    assert nano == int((exact * 10**9).to_integral_value(ROUND_HALF_EVEN))
    assert nanodollars(nano / 1e9) == nano


def test_few_models_have_no_price_by_the_token() -> None:
    """Those for which nothing is listed (the library says 0, we say nothing), and those paid by minute or page."""
    now = datetime(2026, 11, 28, tzinfo=UTC)
    without = [(p.id, m.id, vars(m.get_prices(now))) for p, m in MODELS if _price(m.get_prices(now)) is None]
    listed = {(provider, model) for provider, model, prices in without if any(prices.values())}
    assert len(MODELS) > 2_000
    assert len(without) < 250
    assert len(listed) < 40
    assert ("openai", "tts-1") in listed


def test_the_check_value() -> None:
    """Claude Sonnet 4.6, most of it from the cache: 5 fresh, 128,955 read, 1,253 written, 500 out."""
    price = price_from(SONNET)
    given = {"input_tokens": 130_213, "cache_read_tokens": 128_955, "cache_write_tokens": 1_253, "output_tokens": 500}
    assert price.nano(given) == 50_900_250


def test_what_has_no_price_of_its_own_costs_what_the_wider_kind_costs() -> None:
    """Cached tokens as input, reasoning and spoken ones as output."""
    price = price_from({"input_tokens": D(1), "output_tokens": D(2)})
    parts = {"cache_read_tokens": 40, "cache_write_tokens": 10, "reasoning_tokens": 5, "output_audio_tokens": 5}
    assert price.nano({"input_tokens": 100, "output_tokens": 10} | parts) == 100_000 + 20_000


def test_reasoning_and_audio_have_prices_of_their_own() -> None:
    """Each token is paid once, by the narrowest kind: 50 text, 20 read, 20 audio, 10 audio that was read."""
    price = price_from(
        {
            "input_tokens": D(1),
            "cache_read_tokens": D("0.1"),
            "input_audio_tokens": D(10),
            "cache_audio_read_tokens": D("0.5"),
            "output_tokens": D(2),
            "reasoning_tokens": D(3),
        }
    )
    given = {"input_tokens": 100, "cache_read_tokens": 30, "input_audio_tokens": 30, "cache_audio_read_tokens": 10}
    assert price.nano(given | {"output_tokens": 10, "reasoning_tokens": 4}) == (
        50_000 + 2_000 + 200_000 + 5_000 + 12_000 + 12_000
    )


@pytest.mark.parametrize(
    ("input_tokens", "nano"), [(200_000, 200_000_000), (200_001, 400_002_000), (300_001, 900_003_000)]
)
def test_a_tier_counts_for_the_whole_call(input_tokens: int, nano: int) -> None:
    """Once a call has more input tokens than the tier's start, all of them have its price."""
    price = price_from({"input_tokens": Tiered(D(1), ((200_000, D(2)), (300_000, D(3))))})
    assert price.nano({"input_tokens": input_tokens}) == nano


@pytest.mark.parametrize(("tokens", "nano"), [(1, 0), (3, 2), (5, 2), (7, 4), (4, 2)])
def test_halves_are_rounded_to_even(tokens: int, nano: int) -> None:
    """Half a nano-dollar a token: 0.5 is 0, 1.5 is 2, 2.5 is 2, 3.5 is 4."""
    assert price_from({"input_tokens": D("0.0005")}).nano({"input_tokens": tokens}) == nano


def test_a_price_by_the_call() -> None:
    """It comes on top of the tokens'."""
    assert price_from({"input_tokens": D(1)}, per_call=D("0.005")).nano({"input_tokens": 1}) == 5_001_000


@pytest.mark.parametrize(
    "given",
    [
        {"input_tokens": 10},
        {"output_tokens": 10},
        {"input_tokens": None, "output_tokens": 10},
        {"input_tokens": 10, "output_tokens": 1, "cache_read_tokens": 6, "cache_write_tokens": 5},
        {"input_tokens": 10, "output_tokens": 1, "reasoning_tokens": 2},
        {"input_tokens": 10**12, "output_tokens": 10**15},
    ],
)
def test_there_is_no_cost_where_it_cannot_be_known(given: dict[str, int | None]) -> None:
    """A count that costs something is missing, or the parts are more than the whole, or it is absurd."""
    assert price_from(SONNET).nano(given) is None


@pytest.mark.parametrize(
    "parts", [{"cache_read_tokens": 8}, {"cache_audio_read_tokens": 4}, {"output_audio_tokens": 2}]
)
def test_audio_that_contradicts_has_no_cost(parts: dict[str, int]) -> None:
    """3 of 10 input tokens were heard: no 8 others were read, nor 4 of them; 2 of 1 were not spoken."""
    price = price_from(
        dict.fromkeys(("input_tokens", "cache_read_tokens", "input_audio_tokens", "output_tokens"), D(1))
    )
    given = {"input_tokens": 10, "input_audio_tokens": 3, "output_tokens": 1}
    assert price.nano(given) == 11_000
    assert price.nano(given | parts) is None


def test_a_count_that_costs_nothing_may_be_missing() -> None:
    """Embeddings have no output."""
    assert price_from({"input_tokens": D("0.02"), "output_tokens": D(0)}).nano({"input_tokens": 1_000}) == 20_000
