"""Weeks, as ISO 8601 counts them: 2026-W48 begins on a Monday, in UTC. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from callgauge.errors import SettingError
from callgauge.line_texts import shown

__all__ = ["WEEK_MS", "Week", "week_of"]

WEEK_MS = 7 * 86_400_000
_FORM = re.compile(r"(\d{4})-W(\d{1,2})")


@dataclass(frozen=True)
class Week:
    """A week: its name, and where it begins, epoch ms."""

    name: str
    start_ms: int

    @property
    def end_ms(self) -> int:
        """Where it ends."""
        return self.start_ms + WEEK_MS


def week_of(text: str, now_ms: int) -> Week:
    """The week that is meant: "2026-W48", or "last", the last one that is over.

    >>> week_of("2026-W48", 0), week_of("last", 1_795_478_400_000).name
    (Week(name='2026-W48', start_ms=1795392000000), '2026-W47')

    Raises:
        SettingError: there is no such week.
    """
    if text == "last":
        year, week, _ = datetime.fromtimestamp((now_ms - WEEK_MS) / 1000, UTC).isocalendar()
    elif found := _FORM.fullmatch(text):
        year, week = int(found[1]), int(found[2])
    else:
        raise SettingError(f"--week {shown(text)}: write a week such as 2026-W48, or last")
    try:
        monday = date.fromisocalendar(year, week, 1)
    except ValueError:
        raise SettingError(f"--week {shown(text)}: the year {year} has no week {week}") from None
    start = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
    return Week(f"{year}-W{week:02}", round(start.timestamp() * 1000))
