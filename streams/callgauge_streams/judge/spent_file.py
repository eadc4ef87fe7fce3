"""Keeps what the judge has spent today in a file, so that a restart does not begin the day's budget anew."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from callgauge.errors import SettingError
from callgauge_quality.judge_budget import Budget

__all__ = ["SpentFile"]


class _Spent(msgspec.Struct):
    day: int
    usd: float


class SpentFile:
    """The file; None: nothing is kept.

    Raises:
        SettingError: it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept: tuple[int, float] | None = None

    def read(self, budget: Budget) -> None:
        """Give a budget what was spent on its day. A file that cannot be read counts as empty."""
        if self._path is not None:
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                spent = msgspec.json.decode(self._path.read_bytes(), type=_Spent)
                budget.day, budget.spent_usd = spent.day, spent.usd
            self.write(budget)

    def write(self, budget: Budget) -> None:
        """Keep what a budget says, if it says something new."""
        if self._path is None or self._kept == (budget.day, budget.spent_usd):
            return
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            beside.write_bytes(msgspec.json.encode(_Spent(budget.day, budget.spent_usd)))
            os.replace(beside, self._path)
        except OSError as error:
            raise SettingError(f"CALLGAUGE_JUDGE_SPENT_FILE: {self._path}: {error.strerror}") from error
        self._kept = (budget.day, budget.spent_usd)
