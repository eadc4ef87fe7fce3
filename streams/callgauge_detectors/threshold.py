"""Threshold: a value beyond a fixed limit.

    limit i holds when   value OP_i limit_i,   OP in gt ge lt le eq ne
    level = the worst of those that hold
    score = (value - limit) / |limit| of that one (value - limit when the limit is 0); 0 when none holds

Parameters
    limits    any number of (op, value in the series' unit, level): several levels in one rule, above and below.

Warm-up none. Memory none. Cost about 1 µs. It has no state; `snapshot` is there so that it is like the others.

>>> detector = Threshold(ThresholdConfig((Limit("gt", 0.05, "high"), Limit("gt", 0.2, "critical"))))
>>> detector.update(0.3, 0).level, detector.update(0.1, 0).level, detector.update(0.01, 0).level
('critical', 'high', 'none')
>>> detector.update(0.1, 0).reason
'0.1 gt 0.05'

Source: Prometheus' comparison operators (prometheus.io/docs/prometheus/latest/querying/operators).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

from callgauge_detectors.verdict import LEVELS, NORMAL, Level, Verdict, measured, short

__all__ = ["Limit", "Op", "Threshold", "ThresholdConfig", "band"]

Op = Literal["gt", "ge", "lt", "le", "eq", "ne"]
_OPS: dict[Op, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit, in the series' unit, and the level it stands for."""

    op: Op
    value: float
    level: Level = "high"

    def holds(self, value: float) -> bool:
        """Whether the value is beyond it."""
        return _OPS[self.op](value, self.value)


@dataclass(frozen=True, slots=True)
class ThresholdConfig:
    """See the top of the file."""

    limits: tuple[Limit, ...]


def band(least: float, largest: float, level: Level = "high") -> ThresholdConfig:
    """Both directions: below `least` or above `largest`."""
    return ThresholdConfig((Limit("lt", least, level), Limit("gt", largest, level)))


class Threshold:
    """The detector; see the top of the file."""

    def __init__(self, config: ThresholdConfig) -> None:
        self.config = config
        self._worst_first = sorted(config.limits, key=lambda limit: LEVELS.index(limit.level), reverse=True)

    def update(self, value: float | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge a value."""
        if not measured(value):
            return NORMAL
        for limit in self._worst_first:
            if limit.holds(value):
                score = (value - limit.value) / (abs(limit.value) or 1.0)
                return Verdict(score, limit.level, limit.value, f"{short(value)} {limit.op} {short(limit.value)}")
        return NORMAL

    def snapshot(self) -> dict[str, Any]:
        """Empty: there is no state."""
        return {}

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Nothing to put back."""
        return self
