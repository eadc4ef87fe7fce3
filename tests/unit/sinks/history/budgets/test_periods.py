"""Calendar periods: days of 23 and 25 hours, weeks from Monday, months, around every midnight."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from callgauge_history.budgets.periods import PERIODS, Length, period_at

HOUR_MS = 3_600_000


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("at", "length", "zone", "name", "start", "end"),
    [
        ("2026-11-28T14:00", "day", "UTC", "2026-11-28", "2026-11-28", "2026-11-29"),
        ("2026-11-28T14:00", "week", "UTC", "2026-W48", "2026-11-23", "2026-11-30"),
        ("2026-12-31T23:59", "month", "UTC", "2026-12", "2026-12-01", "2027-01-01"),
        ("2027-01-01T00:00", "week", "UTC", "2026-W53", "2026-12-28", "2027-01-04"),
        ("2026-11-01T00:00", "month", "Pacific/Auckland", "2026-11", "2026-11-01", "2026-12-01"),
    ],
)
def test_the_calendar(at: str, length: Length, zone: str, name: str, start: str, end: str) -> None:
    """As people of the zone count."""
    period = period_at(ms(at, zone), length, ZoneInfo(zone))
    assert (period.name, period.start_ms, period.end_ms) == (name, ms(start, zone), ms(end, zone))


def test_days_of_other_lengths() -> None:
    """When clocks are set forward and back."""
    berlin = ZoneInfo("Europe/Berlin")
    lengths = [period_at(ms(day, "Europe/Berlin"), "day", berlin) for day in ("2026-03-29T12:00", "2026-10-25T12:00")]
    assert [(each.end_ms - each.start_ms) / HOUR_MS for each in lengths] == [23, 25]


@pytest.mark.parametrize("length", PERIODS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata"])
def test_periods_join_without_gap(length: Length, zone: str) -> None:
    """Each begins where the one before ends, and holds its own bounds, for two years."""
    at_ms, found = ms("2026-01-01"), []
    while at_ms < ms("2028-01-01"):
        period = period_at(at_ms, length, ZoneInfo(zone))
        assert period.start_ms <= at_ms < period.end_ms
        assert period_at(period.end_ms - 1, length, ZoneInfo(zone)) == period
        found.append(period)
        at_ms = period.end_ms
    assert all(before.end_ms == after.start_ms for before, after in pairwise(found))
    assert len({period.name for period in found}) == len(found)
