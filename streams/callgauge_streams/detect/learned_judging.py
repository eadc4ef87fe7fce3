"""One rule of which some detector learns, and all series that it judges.

Unlike a threshold's, every series is judged at every step: what a detector says depends on what it was fed with before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_rules.bound import BoundRule
from callgauge_streams.detect.judging import Judging
from callgauge_streams.detect.learning import Learning, Said, learning_now
from callgauge_streams.detect.series import Kept, Series
from callgauge_windows.grown import Grown

__all__ = ["LearnedJudging"]

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]


class LearnedJudging(Judging):
    """See above."""

    def __init__(self, rule: BoundRule, kept: Kept) -> None:
        super().__init__(rule, kept)
        self._learnings = {
            position: Learning(condition, kept.cells)
            for position, condition in enumerate(rule.conditions)
            if condition.learns
        }
        self._on_since_ms = Grown()
        """Of each slot: since when its alert is on, as far as is known; 0: it is not."""

    def add(self, series: Series, *, on: bool) -> None:
        """A series is new, or comes back."""
        super().add(series, on=on)
        self._on_since_ms.to(series.slot + 1)[series.slot] = 0
        for learning in self._learnings.values():
            learning.add(series.slot, series.fingerprints.get(self.name, ""))

    def drop(self, series: Series) -> None:
        """A series is forgotten."""
        super().drop(series)
        if key := series.fingerprints.get(self.name):
            for learning in self._learnings.values():
                learning.drop(series.slot, key)

    def steps(self, to_ms: int, oldest_ms: int) -> range:
        """The times at which the rule is judged next, up to `to_ms` and not before `oldest_ms`."""
        first_ms = self.judged_to_ms + self.width_ms
        if not self.judged_to_ms:
            slots = np.flatnonzero(self._judges.filled)
            ends_ms = self._cells.oldest_starts(slots) + self._window_ms
            first_ms = int(ends_ms.min(initial=to_ms + self.width_ms))
        first_ms = int(self._step_after(np.array([max(first_ms, oldest_ms)]))[0])
        return range(first_ms, to_ms + 1, self.width_ms)

    def feed(self, at_ms: int) -> Iterator[tuple[int, int]]:
        """Judge all series that have had a window by then; gives the slot and the rank of those where something can
        follow, in the order in which they came."""
        slots = np.flatnonzero(self._judges.filled)
        slots = slots[self._cells.first_starts(slots) < at_ms]
        slots = slots[np.argsort(self.kept.numbers(slots))]
        since_ms = self._on_since_ms.filled[slots]
        since_ms = np.where(self.on(slots), np.where(since_ms == 0, at_ms, since_ms), 0)
        self._on_since_ms.filled[slots] = since_ms
        learn = learning_now(since_ms, at_ms)
        for learning in self._learnings.values():
            if at_ms % learning.condition.every_ms == 0:
                learning.feed(slots, at_ms, learn)
                learning.forget_resting()
        ranks = self.ranks(slots, at_ms)
        matters = (ranks > 0) | self.on(slots)
        yield from zip(slots[matters].tolist(), ranks[matters].tolist(), strict=True)

    def plan(self, slots: Int64s, from_ms: Any = 0) -> None:
        """Nothing is planned: all are judged at each step."""

    def changed(self, slots: Int64s, starts_ms: Int64s) -> Iterator[tuple[int, int, int]]:
        """Nothing is judged again: see callgauge_streams.detect.learning."""
        return iter(())

    def verdict(self, slot: int, position: int) -> Said | None:
        """What the detector of a condition says of one series; None of a threshold."""
        return self._learnings[position].said(slot) if position in self._learnings else None

    def points(self, slot: int, position: int, at_ms: int) -> tuple[tuple[float, float], ...]:
        """The newest values of what a condition judges."""
        if position in self._learnings:
            return self._learnings[position].points(slot)
        return super().points(slot, position, at_ms)

    def _condition_ranks(self, slots: Int64s, at_ms: int) -> list[Int8s]:
        return [
            self._learnings[position].ranks(slots)
            if condition.learns
            else self._threshold_ranks(condition, slots, at_ms)
            for position, condition in enumerate(self.rule.conditions)
        ]
