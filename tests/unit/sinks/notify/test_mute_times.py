"""Mute times: wall-clock times of a zone, over midnight and over the change to summer time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from callgauge_notify.routing.mute_times import MuteTime, days_of, minutes_of, zone_of

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("when", "muted"),
    [
        ("2026-03-06 21:59", False),  # Friday
        ("2026-03-06 22:00", True),
        ("2026-03-07 06:59", True),
        ("2026-03-07 07:00", False),
        ("2026-03-07 22:00", False),  # Saturday does not begin one
        ("2026-03-08 03:00", False),
        ("2026-03-09 03:00", False),  # Sunday night
    ],
)
def test_a_night_belongs_to_the_day_it_begins(when: str, muted: bool) -> None:
    """fri 22:00-07:00 ends on Saturday at 07:00."""
    assert MuteTime("nights", BERLIN, days_of("fri"), (minutes_of("22:00-07:00"),)).holds(at(when)) is muted


def test_wall_clock_times_stay_when_summer_time_begins() -> None:
    """22:00 in Berlin is 21:00 UTC in winter and 20:00 UTC in summer (from 29 March 2026 on)."""
    nights = MuteTime("nights", BERLIN, times=((22 * 60, 24 * 60),))
    utc = ZoneInfo("UTC")
    found = [nights.holds(at(when, utc)) for when in ("2026-03-28 20:30", "2026-03-28 21:30", "2026-03-29 20:30")]
    assert found == [False, True, True]


def test_days_and_times_are_read() -> None:
    """Ranges of days may pass Sunday."""
    assert (days_of("sat-mon"), days_of("Wednesday"), minutes_of("9:00 - 24:00")) == ((5, 6, 0), (2,), (540, 1440))
    for read, text in ((days_of, "someday"), (minutes_of, "25:00-26:00"), (minutes_of, "9-17"), (zone_of, "Mars/Base")):
        with pytest.raises(ValueError, match=r"write|lie between"):
            read(text)
