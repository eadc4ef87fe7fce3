"""Tiers: from a score in standard deviations to a level.

Every detector whose score has a known distribution under "nothing happens" gives it as the equivalent number of
standard deviations, so that one set of tiers means the same everywhere: 3, 3.5, 4 and 5 σ are passed by chance once
in 370, 2,149, 15,787 and 1.7 million independent normal windows (both directions together).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from callgauge_detectors.verdict import Level

__all__ = ["CAP", "Direction", "Tiers", "limited"]

Direction = Literal["both", "above", "below"]

#: Scores stay finite and comparable: no more than this many σ are ever reported.
CAP = 1_000.0


@dataclass(frozen=True, slots=True)
class Tiers:
    """The score, in σ, from which on each level holds.

    >>> Tiers().level(-4.2), Tiers().level(-4.2, "above"), Tiers().level(2.9)
    ('high', 'none', 'none')
    """

    low: float = 3.0
    medium: float = 3.5
    high: float = 4.0
    critical: float = 5.0

    def level(self, score: float, direction: Direction = "both") -> Level:
        """The highest level that a signed score reaches in the watched direction."""
        size = abs(score) if direction == "both" else score if direction == "above" else -score
        if size < self.low:
            return "none"
        if size >= self.critical:
            return "critical"
        return "high" if size >= self.high else "medium" if size >= self.medium else "low"


def limited(score: float) -> float:
    """A score within ±CAP."""
    return max(-CAP, min(CAP, score))
