"""Where a price is looked for: one's own prices, then the table; and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from callgauge.forks import no_fork
from callgauge.prices.price import Price
from callgauge.prices.table import Table, table

if TYPE_CHECKING:
    from callgauge.prices.own_file import OwnPrices

__all__ = ["Found", "Prices", "load_prices"]


@dataclass(frozen=True, slots=True)
class Found:
    """The prices of a model on one day.

    Attributes:
        periods: (second of the day in UTC, price from then on), by time.
        source: for `Call.price_source`: table, version and date.
        name: what was found there.
        only: the price, where it is the same all day.
    """

    periods: tuple[tuple[float, Price], ...]
    source: str
    name: str
    only: Price | None

    def at(self, second: float) -> Price:
        """The price at a second of the day."""
        price = self.periods[0][1]
        for since, later in self.periods:
            if since > second:
                break
            price = later
        return price


class Prices:
    """One's own prices and the table's.

    Args:
        listed: the table; None: there is none.
        own: one's own prices, which go first.
    """

    def __init__(self, listed: Table | None, own: OwnPrices | None) -> None:
        self._listed = listed
        self._own = own
        self.has_table = listed is not None

    def find(self, provider: str, names: Sequence[str], day: date) -> Found | None:
        """The price of the first of these names that has one: of its own for any of them, before the table's."""
        found = (look(provider, name, day) for look in (self._in_own, self._in_table) for name in names)
        return next(filter(None, found), None)

    def _in_own(self, provider: str, name: str, day: date) -> Found | None:
        own = self._own.find(provider, name, day) if self._own else None
        if self._own is None or own is None:
            return None
        return Found(((0.0, own.price),), f"{self._own.source}, {day}", f"line {own.line}: {own.model}", own.price)

    def _in_table(self, provider: str, name: str, day: date) -> Found | None:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        listed = self._listed.find(provider, name, midnight) if self._listed else None
        if self._listed is None or listed is None:
            return None
        only = listed.periods[0][1] if len(listed.periods) == 1 else None
        return Found(listed.periods, f"{self._listed.source}, {day}", f"{listed.provider}/{listed.model}", only)


def load_prices(file: Path | None) -> Prices:
    """Prices from a file, where one is named, and from the table; imports what they need, so that no call does later.

    Raises:
        SettingError: the file cannot be used.
    """
    with no_fork():
        if file is None:
            return Prices(table(), None)
        from callgauge.prices.own_file import read_own_prices  # not above: few hosts have a file

        return Prices(table(), read_own_prices(file))
