"""The state of a detector of many series that knows what is usual at each hour: some numbers and a profile of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_detectors.hourly import HourlyProfiles

__all__ = ["Profiled"]


class Profiled:
    """Series are known by their rows, from 0 on.

    Args:
        series: how many there are at first.
        numbers: how many each has, 0 at first.
        seasons, min_seasons: see callgauge_detectors.hourly.
    """

    def __init__(self, series: int, numbers: int, seasons: int, min_seasons: int) -> None:
        self._profiles = HourlyProfiles(seasons, min_seasons)
        self._numbers: npt.NDArray[np.float64] = np.zeros((0, numbers))
        self.room(series)

    def room(self, series: int) -> None:
        """Make room for so many series; the new ones have no past."""
        self._profiles.room(series)
        if (more := series - len(self._numbers)) > 0:
            self._numbers = np.concatenate([self._numbers, np.zeros((more, self._numbers.shape[1]))])

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All of the state, a line for each series."""
        return {"numbers": self._numbers, **self._profiles.columns()}

    def state(self, row: int) -> dict[str, Any]:
        """The state of one series, JSON-able."""
        return {"numbers": self._numbers[row].tolist(), "profile": self._profiles.state(row)}

    def put(self, row: int, state: dict[str, Any] | None) -> None:
        """Put the state of one series back; None: a series without a past."""
        self._numbers[row] = state["numbers"] if state else 0.0
        self._profiles.put(row, state["profile"] if state else None)
