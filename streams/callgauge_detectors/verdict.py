"""What every detector answers, and what every stateful detector offers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, TypeGuard

__all__ = ["LEVELS", "NORMAL", "Counts", "CountsDetector", "Detector", "Level", "Verdict", "measured", "short"]

Level = Literal["none", "low", "medium", "high", "critical"]

#: From harmless to worst.
LEVELS: tuple[Level, ...] = ("none", "low", "medium", "high", "critical")

#: How many calls fell in each bucket: a histogram, or the two buckets of a share (callgauge_detectors.counts).
Counts = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgement of one value.

    Attributes:
        score: how far from normal, on the detector's own scale; 0 is normal, signed where direction has a meaning.
        level: the tier that the score reaches; "none" when it is normal or there is too little to judge.
        baseline: what was expected, in the value's unit; None while warming up.
        reason: one line for people: value, baseline, score; "" when normal.
    """

    score: float
    level: Level = "none"
    baseline: float | None = None
    reason: str = ""


#: Nothing to judge, or too little to judge it by.
NORMAL = Verdict(0.0)


class Detector(Protocol):
    """A detector of one series: frozen config in, verdicts out, snapshot of its state."""

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge the next window's value, then learn from it.

        Args:
            value: the window's value; None or NaN for a window without one (judged "none", nothing is learned).
            at_ms: event time of the window's end; never goes back.
            learn: False while an alert is firing, so that an incident does not become normal.
        """

    def snapshot(self) -> dict[str, Any]:
        """The state as JSON-able values; `restore` on a detector of the same config continues bit for bit."""

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""


class CountsDetector(Protocol):
    """As `Detector`, fed with the counts of a window instead of one value."""

    def update(self, counts: Counts | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge the next window's counts, then learn from them; None or {} for a window without calls."""

    def snapshot(self) -> dict[str, Any]:
        """As `Detector.snapshot`."""

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """As `Detector.restore`."""


def measured(value: float | None) -> TypeGuard[float]:
    """Whether there is a finite number to judge."""
    return value is not None and math.isfinite(value)


def short(value: float) -> str:
    """A number for a reason: four significant digits."""
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
