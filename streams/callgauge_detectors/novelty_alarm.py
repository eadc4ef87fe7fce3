"""When a novelty score is an alarm.

    score >= c (clip(i, 150, 30000) / 1000)^(1/4) (1 + 0.75 a)    and    more than min(150, max(30, i / 20)) values
                                                                         since the last alarm

i counts the series' values. The bar rises with i because a longer past makes every novelty rarer and the largest of
many scores larger; it stops rising where the clipped score could no longer reach it. a is the number of alarms so far,
each halved every 200 values: a series that has just been novel must be more novel to be so again, so that a bursty one
does not keep alarming. The pause makes one alarm of one anomaly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["AlarmRule"]

EARLIEST, LATEST = 150, 30_000
SHORTEST_PAUSE, LONGEST_PAUSE = 30, 150
AFTER_ALARM = 0.75
HALF_LIFE = 200.0


class AlarmRule:
    """Scores in, one for each value of the series; says how far over the bar an alarm is.

    Args:
        threshold: c, in units of the score.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._count = 0
        self._last: int | None = None
        self._alarms = 0.0

    def judge(self, score: float) -> float:
        """The score as a multiple of the bar, at least 1, when this value is an alarm; else 0."""
        i, self._count = self._count, self._count + 1
        bar: float = self.threshold * (min(max(i, EARLIEST), LATEST) / 1000) ** 0.25
        if score < bar:
            return 0.0
        alarms = 0.0
        if self._last is not None:
            since = i - self._last
            if since <= min(LONGEST_PAUSE, max(SHORTEST_PAUSE, i / 20)):
                return 0.0
            alarms = self._alarms * math.exp2(-since / HALF_LIFE)
            bar *= 1 + AFTER_ALARM * alarms
            if score < bar:
                return 0.0
        self._last, self._alarms = i, alarms + 1
        return score / bar

    def snapshot(self) -> list[Any]:
        return [self._count, self._last, self._alarms]

    def restore(self, snapshot: Sequence[Any]) -> None:
        self._count, self._last, self._alarms = snapshot
