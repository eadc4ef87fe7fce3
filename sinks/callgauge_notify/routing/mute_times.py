"""Times of the week, in a time zone, in which a route tells nothing: nights, weekends.

    days   mon tue wed thu fri sat sun     times  22:00-07:00

Wall-clock times of the zone, so 22:00 stays 22:00 when summer time begins. A range that passes midnight belongs to the
day on which it begins: fri 22:00-07:00 ends on Saturday at 07:00.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

__all__ = ["DAYS", "MuteTime", "days_of", "minutes_of", "zone_of"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIMES = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class MuteTime:
    """Days (0 is Monday) and ranges of minutes since midnight; no ranges mean the whole day."""

    name: str
    zone: ZoneInfo
    days: tuple[int, ...] = tuple(range(7))
    times: tuple[tuple[int, int], ...] = ((0, 1440),)

    def holds(self, epoch_s: float) -> bool:
        """Whether it is such a time."""
        local = datetime.fromtimestamp(epoch_s, self.zone)
        minute, today = local.hour * 60 + local.minute, local.weekday()
        return any(self._covers(begin, end, minute, today) for begin, end in self.times)

    def _covers(self, begin: int, end: int, minute: int, today: int) -> bool:
        if begin < end:
            return today in self.days and begin <= minute < end
        began_yesterday = minute < end and (today - 1) % 7 in self.days
        return began_yesterday or (today in self.days and minute >= begin)


def days_of(text: str) -> tuple[int, ...]:
    """The days of "mon", or of a range such as "mon-fri" or "sat-mon".

    Raises:
        ValueError: it is neither.
    """
    first, dash, last = text.strip().lower().partition("-")
    first, last = first.strip()[:3], (last if dash else first).strip()[:3]
    if first not in DAYS or last not in DAYS:
        raise ValueError(f"{text!r} is no day; write mon, tue, ... or a range such as mon-fri")
    begin, end = DAYS.index(first), DAYS.index(last)
    return tuple((begin + n) % 7 for n in range((end - begin) % 7 + 1))


def minutes_of(text: str) -> tuple[int, int]:
    """Minutes since midnight of a range such as "22:00-07:00".

    Raises:
        ValueError: it is none.
    """
    form = _TIMES.fullmatch(text.replace(" ", ""))
    if form is None:
        raise ValueError(f"{text!r} is no range of times; write e.g. 22:00-07:00")
    begin, end = int(form[1]) * 60 + int(form[2]), int(form[3]) * 60 + int(form[4])
    if max(begin, end) > 1440 or begin == end:
        raise ValueError(f"{text!r} is no range of times; they lie between 00:00 and 24:00, and differ")
    return begin, end


def zone_of(text: str) -> ZoneInfo:
    """A time zone by its name.

    Raises:
        ValueError: there is none.
    """
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{text!r} is no time zone; write e.g. UTC or Europe/Berlin") from None
