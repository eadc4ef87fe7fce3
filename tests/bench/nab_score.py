"""The scoring rules of the Numenta Anomaly Benchmark: detections and labelled windows in, points out.

Early detections in a window earn more, false alarms cost more the further they lie after a window, and 100 is a
detector that finds every window at its first row and says nothing else; 0 is one that never says anything.

Source: Lavin and Ahmad, Evaluating Real-Time Anomaly Detection Algorithms, 2015 (arXiv:1510.03336).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["LOW_FN", "LOW_FP", "PROFILES", "STANDARD", "FileScore", "Profile", "normalised", "probation", "score_file"]

#: First and last row of a labelled window, both inside.
Window = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a false alarm and a missed window cost, where the best detection earns 1."""

    name: str
    false_alarm: float
    miss: float


STANDARD = Profile("standard", 0.11, 1.0)
LOW_FP = Profile("low_fp", 0.22, 1.0)
LOW_FN = Profile("low_fn", 0.11, 2.0)
PROFILES = (STANDARD, LOW_FP, LOW_FN)


@dataclass(frozen=True, slots=True)
class FileScore:
    """One file's part.

    Attributes:
        earned: what its windows and false alarms earn under the profile, in raw points.
        windows: labelled windows.
        found: windows with at least one detection.
        false_alarms: detections outside all windows.
    """

    earned: float
    windows: int
    found: int
    false_alarms: int


def probation(rows: int) -> int:
    """How many rows at a file's start are not scored."""
    return min(int(0.15 * rows), 750)


def score_file(detections: Iterable[int], windows: Sequence[Window], rows: int, profile: Profile) -> FileScore:
    """Score the detected rows of one file.

    Args:
        detections: rows (from 0) that were flagged; those in the probation are left out.
        windows: in order, without overlap.
        rows: length of the file.
    """
    first_scored = probation(rows)
    starts = [first for first, _ in windows]
    best: dict[int, float] = {}
    cost, false_alarms = 0.0, 0
    for row in detections:
        if row < first_scored:
            continue
        before = bisect_right(starts, row) - 1
        if before >= 0 and row <= windows[before][1]:
            best[before] = max(best.get(before, 0.0), _reward(row, windows[before]))
        else:
            false_alarms += 1
            cost += profile.false_alarm * _penalty(row, windows[before] if before >= 0 else None)
    missed = len(windows) - len(best)
    earned = sum(best.values()) - cost - profile.miss * missed
    return FileScore(earned, len(windows), len(best), false_alarms)


def normalised(files: Iterable[FileScore], profile: Profile) -> float:
    """The score of a corpus: 0 for silence, 100 for perfection; nan without any window."""
    earned, windows = 0.0, 0
    for file in files:
        earned += file.earned
        windows += file.windows
    null = -profile.miss * windows
    return 100 * (earned - null) / (windows - null) if windows else math.nan


def _reward(row: int, window: Window) -> float:
    """1 at the window's first row, falling to about 0 at its last."""
    first, last = window
    return _sigmoid(-(last - row + 1) / (last - first + 1)) / _sigmoid(-1)


def _penalty(row: int, window: Window | None) -> float:
    """About 0 right after the window, 1 far from it."""
    if window is None:
        return 1.0
    first, last = window
    distance = (row - last) / max(last - first, 1)
    return 1.0 if distance > 3 else -_sigmoid(distance)


def _sigmoid(y: float) -> float:
    """From 1 through 0 at y = 0 to -1."""
    return 2 / (1 + math.exp(5 * y)) - 1
