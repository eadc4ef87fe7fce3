"""Calendar periods of a time zone. Pure.

A day of a zone has 23, 24 or 25 hours; a week begins on Monday; both begin at midnight there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, get_args

__all__ = ["PERIODS", "Length", "Period", "period_at"]

Length = Literal["day", "week", "month"]
PERIODS: tuple[Length, ...] = get_args(Length)


@dataclass(frozen=True)
class Period:
    """A period: its name, and its bounds [start, end), epoch ms."""

    name: str
    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.end_ms - self.start_ms


def period_at(at_ms: int, length: Length, zone: tzinfo) -> Period:
    """The period that an instant lies in.

    >>> from zoneinfo import ZoneInfo
    >>> period_at(1_792_893_600_000, "day", ZoneInfo("Europe/Berlin"))  # the day on which clocks are set back
    Period(name='2026-10-25', start_ms=1792879200000, end_ms=1792969200000)
    """
    today = datetime.fromtimestamp(at_ms / 1000, zone).date()
    match length:
        case "day":
            first, after, name = today, today + timedelta(days=1), today.isoformat()
        case "week":
            first = today - timedelta(days=today.weekday())
            year, week, _ = first.isocalendar()
            after, name = first + timedelta(days=7), f"{year}-W{week:02}"
        case "month":
            first = today.replace(day=1)
            after, name = (first + timedelta(days=31)).replace(day=1), f"{first:%Y-%m}"
    return Period(name, _midnight_ms(first, zone), _midnight_ms(after, zone))


def _midnight_ms(day: date, zone: tzinfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
