"""A detector of one series, made of that form of it which judges many series at once: the formula stands once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, Self

import numpy as np

from callgauge_detectors.verdict import LEVELS, NORMAL, Verdict, measured

__all__ = ["OneOfMany"]

_ROW = np.zeros(1, dtype=np.int64)


class _Many(Protocol):
    def room(self, series: int) -> None: ...
    @property
    def update_rows(self) -> Callable[..., Any]: ...
    def reason(self, row: int, value: float, score: float, baseline: float) -> str: ...
    def state(self, row: int) -> dict[str, Any]: ...
    def put(self, row: int, state: dict[str, Any] | None) -> None: ...


class OneOfMany:
    """The first and only series of a detector of many."""

    def __init__(self, many: _Many) -> None:
        self._many = many
        many.room(1)
        many.put(0, None)

    def judge(self, value: float | None, at_ms: int, *, learn: bool, **more: float) -> Verdict:
        """Judge a value, then learn it.

        Args:
            more: what else the detector is fed with.
        """
        if not measured(value):
            return NORMAL
        fed = {name: np.array([each]) for name, each in more.items()}
        found = self._many.update_rows(_ROW, np.array([value]), at_ms=at_ms, learn=np.array([learn]), **fed)
        score, level, baseline = float(found[0][0]), int(found[1][0]), float(found[2][0])
        if not np.isfinite(baseline):
            return NORMAL
        reason = self._many.reason(0, value, score, baseline) if level else ""
        return Verdict(score, LEVELS[level], baseline, reason)

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return self._many.state(0)

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._many.put(0, snapshot)
        return self
