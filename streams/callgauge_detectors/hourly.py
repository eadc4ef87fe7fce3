"""Hourly profiles: what each of many series usually is at every hour of the day.

    hour h of a day ends:    μ_h += max(1 / (days_h + 1), 1 / seasons) (mean of what was learned in it - μ_h)
    usual at t               linear between the middles of hours
    around t                 least and greatest of the hours that t is in, or within half an hour of

An hour becomes part of the profile when it has ended, so what is wrong now is compared with the days before only. The
first `seasons` days weigh alike, later ones fade. Memory 51 numbers a series.

    hours     | 13      | 14      | 15
    t at                    ^ 14:15: usual = 1/4 μ_13 + 3/4 μ_14,  around = μ_13, μ_14

Source: the seasonal part of Holt-Winters (Winters, Management Science 6 (1960) 324) with hours as the period.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DAY_MS", "HOUR_MS", "HourlyProfiles"]

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_HOURS = 24


class HourlyProfiles:
    """Of many series, known by their rows; see the top of the file.

    Args:
        seasons: days that a profile looks back.
        min_seasons: days on which an hour must have been seen before it counts.
    """

    def __init__(self, seasons: int, min_seasons: int) -> None:
        self._seasons, self._min_seasons = seasons, min_seasons
        self._mean: Floats = np.zeros((0, _HOURS))
        self._days: Int64s = np.zeros((0, _HOURS), dtype=np.int64)
        self._open: Floats = np.zeros((0, 2))
        """Sum and count of what was learned in the hour that has not ended."""
        self._open_hour: Int64s = np.zeros(0, dtype=np.int64)

    def room(self, series: int) -> None:
        """Make room for so many series; the new ones have no past."""
        more = series - len(self._mean)
        if more > 0:
            self._mean = np.concatenate([self._mean, np.zeros((more, _HOURS))])
            self._days = np.concatenate([self._days, np.zeros((more, _HOURS), dtype=np.int64)])
            self._open = np.concatenate([self._open, np.zeros((more, 2))])
            self._open_hour = np.concatenate([self._open_hour, np.full(more, -1)])

    def usual(self, rows: Int64s, at_ms: int) -> tuple[Floats, Bools]:
        """What these series usually are in the window that ends at `at_ms`, and whether that is known."""
        hour, other, share = _place(at_ms)
        mean, ready = self._mean[rows, hour], self._ready(rows, hour)
        return np.where(self._ready(rows, other), (1 - share) * mean + share * self._mean[rows, other], mean), ready

    def around(self, rows: Int64s, at_ms: int) -> tuple[Floats, Floats, Bools]:
        """The least and the greatest that these series usually are within half an hour, and whether that is known."""
        hour, other, _ = _place(at_ms)
        mean, beside = self._mean[rows, hour], self._mean[rows, other]
        known = self._ready(rows, hour) & self._ready(rows, other)
        return np.minimum(mean, beside), np.maximum(mean, beside), known

    def _ready(self, rows: Int64s, hour: int) -> Bools:
        return self._days[rows, hour] >= self._min_seasons  # type: ignore[no-any-return]

    def learn(self, rows: Int64s, values: Floats, at_ms: int) -> None:
        """Take the values of the window that ends at `at_ms` in; no row twice."""
        now = (at_ms - 1) // HOUR_MS
        ended = rows[self._open_hour[rows] != now]
        self._close(ended[self._open_hour[ended] >= 0])
        self._open[ended], self._open_hour[ended] = 0.0, now
        self._open[rows, 0] += values
        self._open[rows, 1] += 1

    def _close(self, rows: Int64s) -> None:
        hours = self._open_hour[rows] % _HOURS
        days, mean = self._days[rows, hours], self._mean[rows, hours]
        weight = np.maximum(1.0 / (days + 1), 1.0 / self._seasons)
        self._mean[rows, hours] = mean + weight * (self._open[rows, 0] / self._open[rows, 1] - mean)
        self._days[rows, hours] = days + 1

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All of the state, a line for each series."""
        return {"mean": self._mean, "days": self._days, "open": self._open, "open_hour": self._open_hour}

    def state(self, row: int) -> dict[str, Any]:
        """The state of one series, JSON-able."""
        return {
            "mean": self._mean[row].tolist(),
            "days": self._days[row].tolist(),
            "open": self._open[row].tolist(),
            "open_hour": int(self._open_hour[row]),
        }

    def put(self, row: int, state: dict[str, Any] | None) -> None:
        """Put the state of one series back; None: a series without a past."""
        state = state or {"mean": 0.0, "days": 0, "open": 0.0, "open_hour": -1}
        self._mean[row], self._days[row] = state["mean"], state["days"]
        self._open[row], self._open_hour[row] = state["open"], state["open_hour"]


def _place(at_ms: int) -> tuple[int, int, float]:
    """The hour of a window's end, the nearer of the hours beside it, and that one's share: 1/2 between the two."""
    hours, rest_ms = divmod(at_ms - 1, HOUR_MS)
    share = rest_ms / HOUR_MS - 0.5
    hour = hours % _HOURS
    return hour, (hour + (1 if share > 0 else -1)) % _HOURS, abs(share)
