"""The table of prices: genai-prices, an optional package. What it knows of a model becomes a `Price`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from callgauge.forks import no_fork
from callgauge.prices.names import readings
from callgauge.prices.price import UNITS, Price, Tiered, price_from

__all__ = ["Listed", "Table", "table"]

_MIDNIGHT = time(0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Listed:
    """What the table has for a model on one day.

    Attributes:
        provider, model: the table's names of what was found.
        periods: (second of the day in UTC, price from then on), by time; most models have one period, from 0.
    """

    provider: str
    model: str
    periods: tuple[tuple[float, Price], ...]


class Table:
    """Prices of genai-prices. Looking something up imports nothing and keeps nothing.

    Args:
        snapshot: its data.
        provider_by_id: its way to find a provider by name.
        version: of the package.
    """

    def __init__(self, snapshot: Any, provider_by_id: Any, version: str) -> None:
        self._providers = snapshot.providers
        self._provider_by_id = provider_by_id
        self.source = f"genai-prices {version}"

    def find(self, provider: str, model: str, day: datetime) -> Listed | None:
        """The prices of a model on a day; None if it is unknown, or has no price by the token or call.

        Args:
            day: its midnight in UTC.
        """
        for name, ref in readings(provider, model, lambda name: self._provider(name) is not None):
            seller = self._provider(name) if name else self._maker(ref)
            found = seller.find_model(ref, all_providers=self._providers) if seller else None
            if found is not None:
                periods = tuple(_periods(found, day))
                return Listed(seller.id, found.id, periods) if periods else None
        return None

    def _provider(self, name: str) -> Any:
        return self._provider_by_id(self._providers, name)

    def _maker(self, model: str) -> Any:
        """The provider that the name of a model tells."""
        matching = (one for one in self._providers if one.model_match is not None and one.model_match.is_match(model))
        return next(matching, None)


@cache
def table() -> Table | None:
    """The table; None where genai-prices is not installed. The first call imports it, which takes some 0.2 s."""
    with no_fork():
        try:
            import genai_prices
            from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
        except ModuleNotFoundError as error:
            if error.name is None or not error.name.startswith("genai_prices"):
                raise
            return None
        return Table(get_snapshot(), find_provider_by_id, genai_prices.__version__)


def _periods(model: Any, day: datetime) -> Iterator[tuple[float, Price]]:
    """The prices of a day, from when on each counts; none if one of them cannot be had from what a call counts."""
    found: list[tuple[float, Price]] = []
    for second in sorted({0.0, *_changes(model)}):
        price = _price(model.get_prices(day + timedelta(seconds=second)))
        if price is None:
            return
        found.append((second, price))
    yield from found


def _changes(model: Any) -> Iterator[float]:
    """Seconds of the day at which prices that depend on the time of day begin and end."""
    for conditional in model.prices if isinstance(model.prices, list) else ():
        for name in ("start_time", "end_time"):
            at = getattr(conditional.constraint, name, None)
            if at is not None:
                yield _second_of_day(at)


def _second_of_day(at: time) -> float:
    offset = at.utcoffset() or timedelta(0)
    since = timedelta(hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond) - offset
    return since.total_seconds() % 86_400


def _price(model_price: Any) -> Price | None:
    """Those of the library's prices that a call's counts are multiplied with."""
    listed = {name: value for name, value in vars(model_price).items() if value is not None}
    prices = {name: _plain(listed[unit]) for name, unit in UNITS.items() if unit in listed}
    requests = listed.get("requests_kcount")
    per_call = Decimal(0) if requests is None else requests / 1_000
    if not {"input_tokens", "output_tokens"} & prices.keys() and requests is None:
        return None
    return price_from(prices, per_call)


def _plain(price: Any) -> Decimal | Tiered:
    if isinstance(price, Decimal):
        return price
    return Tiered(price.base, tuple((tier.start, tier.price) for tier in price.tiers))
