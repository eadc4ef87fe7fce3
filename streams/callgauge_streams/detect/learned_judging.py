"""One rule of which some detector learns, and all series that it judges.

Unlike a threshold's, every series that has calls is judged at every step: what a detector says depends on what it was
fed with before. One without calls in its lookback is fed with nothing, so it costs nothing, unless it is their number
that is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_rules.baselines import Baselines
from callgauge_rules.in_force import InForce
from callgauge_rules.lifecycle import State
from callgauge_streams.detect.judging import Judging
from callgauge_streams.detect.learned_states import (
    SAVED_EVERY_MS,
    LearnedState,
    decode_state,
    encode_state,
    settings_of,
)
from callgauge_streams.detect.learning import Learning, Said
from callgauge_streams.detect.pins import Pins
from callgauge_streams.detect.series import Kept, Series
from callgauge_windows.grown import Grown

__all__ = ["LearnedJudging"]

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

# What was learned of more series than this does not rest: labels that never come twice would fill the memory.
_MOST_RESTING = 20_000
# So many series are saved with one record of the log, so that no record takes long.
_MOST_AT_ONCE = 500


class LearnedJudging(Judging):
    """See above."""

    def __init__(self, in_force: InForce, kept: Kept, log: str, baselines: Baselines) -> None:
        super().__init__(in_force, kept)
        rule = in_force.rule
        self.log = log
        self._learnings = {
            position: Learning(condition, kept.cells, Pins(baselines, condition.aggregate, self._labels_of))
            for position, condition in enumerate(rule.conditions)
            if condition.learns
        }
        self._fed_to_ms = Grown()
        """Of each slot: the end of the last window that was fed before the log was read again."""
        self._changed, self._saved_ms = Grown(dtype=np.bool_), Grown()
        """Of each slot: whether it has learned something since it was saved, and when that was, by the log's clock."""
        self._settings = settings_of(rule)
        self._remembers_ms = max(learning.condition.remembers_ms for learning in self._learnings.values())
        self._resting: dict[str, tuple[int, bytes]] = {}
        """What was learned of series that are forgotten, by fingerprint, and until when it is kept."""
        self._to_save: dict[str, bytes | None] = {}

    def _labels_of(self, slot: int) -> Mapping[str, str]:
        return self.kept.series[slot].labels

    def restore(self, state: LearnedState, log: str) -> bool:
        """Take what was learned before; returns False if it is of another log, or of a rule that has changed."""
        if (state.rule, state.log, state.settings) != (self.name, log, self._settings):
            return False
        self._resting[state.fingerprint] = state.until_ms, encode_state(state)
        return True

    def add(self, series: Series, *, on: bool) -> None:
        """A series is new, or comes back."""
        super().add(series, on=on)
        if not self.rule.judges(series.labels):
            return
        _, value = self._resting.pop(series.fingerprints[self.name], (0, b""))
        self._learn(series.slot, decode_state(value) if value else None)

    def _learn(self, slot: int, state: LearnedState | None) -> None:
        """Begin with what was learned before, None: with nothing."""
        self._fed_to_ms.to(slot + 1)[slot] = state.to_ms if state else 0
        self._changed.to(slot + 1)[slot] = False
        self._saved_ms.to(slot + 1)[slot] = -SAVED_EVERY_MS
        for position, learning in self._learnings.items():
            learning.add(slot, state.conditions[position] if state else None)

    def drop(self, series: Series) -> None:
        """A series is forgotten; what was learned of it rests until it comes back, or nobody remembers."""
        super().drop(series)
        if self.rule.judges(series.labels):
            key = series.fingerprints[self.name]
            state = self._state(series.slot, key, None)
            self._resting[key] = state.until_ms, encode_state(state)
            self._to_save[key] = self._resting[key][1]
            self._changed.filled[series.slot] = False
            for learning in self._learnings.values():
                learning.drop(series.slot)
            while len(self._resting) > _MOST_RESTING:
                self._forget(next(iter(self._resting)))

    def take_over(self, before: Judging) -> Int64s:
        """Go on with alerts; and with what was learned, if it was learned of the same in the same way."""
        if isinstance(before, LearnedJudging) and before._settings == self._settings and before.kept is self.kept:
            self._resting |= before._resting
            both = np.flatnonzero(self._judges.filled & before._judges.filled)
            for slot in both.tolist():
                key = self.kept.series[slot].fingerprints[self.name]
                self._learn(slot, before._state(slot, key, None))
        return super().take_over(before)

    def _can_judge(self, slots: Int64s) -> Bools:
        """All are judged at each step."""
        return self.judged(slots)

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All that was learned, a line for each slot, and the number of the series in it (-1: it is not judged), for a
        snapshot; `put_learned_back` takes it."""
        slots = np.flatnonzero(self._judges.filled)
        numbers = np.full(len(self._judges.filled), -1, dtype=np.int64)
        numbers[slots] = self.kept.numbers(slots)
        found = {"numbers": numbers, "changed": self._changed.filled}
        found |= {"fed_to": self._fed_to_ms.filled, "saved": self._saved_ms.filled}
        for position, learning in self._learnings.items():
            found |= {f"{position}/{name}": each for name, each in learning.columns().items()}
        return found

    def singles(self) -> Iterator[Any]:
        """What detectors of single series know: number of the series, position of the condition, state."""
        for slot in np.flatnonzero(self._judges.filled).tolist():
            for position, learning in self._learnings.items():
                if (state := learning.single(slot)) is not None:
                    yield self.kept.series[slot].number, position, state

    def rests(self) -> Iterator[Any]:
        """What rests, and what is to be saved besides (those without an end), for a snapshot."""
        yield from ((key, until_ms, value) for key, (until_ms, value) in self._resting.items())
        yield from ((key, None, value) for key, value in self._to_save.items())

    def put_learned_back(
        self, saved: Callable[[str, npt.NDArray[Any]], npt.NDArray[Any]], singles: Iterable[Any], rests: Iterable[Any]
    ) -> None:
        """See `columns`, `singles` and `rests`; to be called when all series were added.

        Args:
            saved: the lines of a column as they were saved, by its name and how it is now.
        """
        self._resting, self._to_save = {}, {}
        for key, until_ms, value in rests:
            if until_ms is None:
                self._to_save[key] = value
            else:
                self._resting[key] = until_ms, value
        slot_of = {series.number: slot for slot, series in self.kept.series.items()}
        for position, learning in self._learnings.items():
            if len(saved(f"{position}/points", learning.columns()["points"])):
                learning.show()
        columns = self.columns()
        numbers = saved("numbers", columns.pop("numbers"))
        rows = np.flatnonzero(numbers >= 0)
        slots = np.array([slot_of[number] for number in numbers[rows].tolist()], dtype=np.int64)
        for name, column in columns.items():
            if len(column):
                column[slots] = saved(name, column)[rows]
        for number, position, state in singles:
            self._learnings[position].put_single_back(slot_of[number], state)

    def take_states(self, clock_ms: int, alert_of: Callable[[str], State]) -> Iterator[tuple[str, bytes | None]]:
        """What must be saved now, by fingerprint; None: it is to be deleted.

        Args:
            clock_ms: the log's clock.
            alert_of: gives the state of an alert.
        """
        for key in [key for key, (until_ms, _) in self._resting.items() if until_ms < self.judged_to_ms]:
            self._forget(key)
        saved, self._to_save = self._to_save, {}
        yield from saved.items()
        due = self._changed.filled & (clock_ms - self._saved_ms.filled >= SAVED_EVERY_MS)
        for slot in np.flatnonzero(due)[:_MOST_AT_ONCE].tolist():
            key = self.kept.series[slot].fingerprints[self.name]
            self._changed.filled[slot], self._saved_ms.filled[slot] = False, clock_ms
            yield key, encode_state(self._state(slot, key, alert_of(key)))

    def _forget(self, key: str) -> None:
        del self._resting[key]
        self._to_save[key] = None

    def _state(self, slot: int, key: str, alert: State | None) -> LearnedState:
        to_ms = max(self.judged_to_ms, int(self._fed_to_ms.filled[slot]))
        return LearnedState(
            rule=self.name,
            fingerprint=key,
            log=self.log,
            settings=self._settings,
            to_ms=to_ms,
            until_ms=to_ms + self._remembers_ms,
            alert=alert,
            conditions={position: learning.state(slot) for position, learning in self._learnings.items()},
        )

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
        slots = slots[(self._cells.first_starts(slots) < at_ms) & (self._fed_to_ms.filled[slots] < at_ms)]
        slots = slots[self._can_change(slots, at_ms)]
        slots = slots[np.argsort(self.kept.numbers(slots))]
        for learning in self._learnings.values():
            if at_ms % learning.condition.every_ms == 0:
                self._changed.filled[slots] |= learning.feed(slots, at_ms)
        ranks = self.ranks(slots, at_ms)
        matters = (ranks > 0) | self.on(slots)
        self._changed.filled[slots[matters]] = True
        yield from zip(slots[matters].tolist(), ranks[matters].tolist(), strict=True)

    def _can_change(self, slots: Int64s, at_ms: int) -> Bools:
        """Which of them have anything to judge, or to end: those with calls in the lookback, unless none is a value."""
        conditions = self.rule.conditions
        if self.rule.judges_nothing or any(each.min_count == 0 for each in conditions):
            return np.ones(len(slots), dtype=np.bool_)
        told = [learning.says(slots) for learning in self._learnings.values()]
        heard = self._cells.last_ends(slots) > at_ms - self.rule.lookback_ms
        return np.logical_or.reduce([heard, self.on(slots), *told])  # type: ignore[no-any-return]

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
