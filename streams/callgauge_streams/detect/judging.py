"""One rule and all series that it judges, as columns: which are due, and whether its condition holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_rules.bound import BoundCondition
from callgauge_rules.in_force import InForce
from callgauge_rules.lifecycle import Timing
from callgauge_streams.detect.history_span import ABSENT_MS
from callgauge_streams.detect.learning import Said
from callgauge_streams.detect.picture import points_of
from callgauge_streams.detect.rings import resolution_ms
from callgauge_streams.detect.series import Kept, Series
from callgauge_windows.compiled import compiled
from callgauge_windows.grown import Grown

__all__ = ["Judging"]

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

_NEVER_MS = 1 << 62
Bools = npt.NDArray[np.bool_]


class Judging:
    """Of one rule, as long as it is in force. Series are known by their slots.

    Args:
        kept: the series of the rule's grouping set.

    Attributes:
        began: it is in force, and judges. What is judged by it before is judged by the one that it takes over from.
        over: it is in force no more.
        after: the one of the same name that takes over from it.
        judged_to_ms: the last window end that it judged, or before it began the last that it does not judge.
    """

    def __init__(self, in_force: InForce, kept: Kept) -> None:
        rule = in_force.rule
        self.rule, self.kept, self._cells = rule, kept, kept.cells
        self.name, self.width_ms, self._window_ms = rule.rule.name, rule.step_ms, rule.grouping.window_ms
        self.timing = Timing(rule.rule.for_, rule.rule.keep_firing_for, rule.rule.cooldown)
        self.from_ms, self.to_ms = in_force.from_ms, in_force.to_ms
        self.judged_to_ms = (self.from_ms - 1) // self.width_ms * self.width_ms if self.from_ms else 0
        self.began, self.over = not self.from_ms, False
        self.before: Judging | None = None
        self.after: Judging | None = None
        self._column_of = {name: at for at, name in enumerate(kept.cells.columns.names)}
        self._judges, self._on, self._due_ms = Grown(dtype=np.bool_), Grown(dtype=np.bool_), Grown()
        """Of each slot: whether the rule judges it; whether its alert is pending or firing; when it must be judged
        next, 0: at no time."""
        self._nothing_before_ms = 0

    def add(self, series: Series, *, on: bool) -> None:
        """A series is new.

        Args:
            on: its alert is pending or firing.
        """
        self._enter(series.slot, judges=self.rule.judges(series.labels), on=on and self.began)

    def drop(self, series: Series) -> None:
        """A series is forgotten."""
        self._enter(series.slot, judges=False, on=False)

    def _enter(self, slot: int, *, judges: bool, on: bool) -> None:
        self._judges.to(slot + 1)[slot] = judges
        self._on.to(slot + 1)[slot] = on
        self._due_ms.to(slot + 1)[slot] = 0

    def last_step(self, watermark_ms: int) -> int:
        """The last window end that it can judge when event time has come so far."""
        to_ms = watermark_ms if self.to_ms is None else min(watermark_ms, self.to_ms - 1)
        return to_ms // self.width_ms * self.width_ms

    def all_on(self) -> Int64s:
        """The series whose alerts are pending or firing, in the order in which they came."""
        slots = np.flatnonzero(self._judges.filled & self._on.filled)
        return slots[np.argsort(self.kept.numbers(slots))]

    def take_over(self, before: Judging) -> Int64s:
        """Go on with the alerts of the rule as it was before; returns the slots of those that this one does not judge:
        another `where`, or no calls within its lookback."""
        slots = before.all_on()
        if before.kept is not self.kept:
            return slots
        mine = self._can_judge(slots)
        self._on.filled[slots[mine]] = True
        self.plan(slots[mine])
        return slots[~mine]

    def go_on(self, slots: Int64s) -> None:
        """Go on with alerts of these series, of which it judges those that are its own."""
        mine = slots[self.judged(slots)]
        self._on.filled[mine] = True
        self.plan(mine)

    def _can_judge(self, slots: Int64s) -> Bools:
        """Which of them it judges at its next step."""
        return self.judged(slots) & (self._last_ms(slots) >= self.judged_to_ms + self.width_ms)

    def set_on(self, slot: int, *, on: bool) -> None:
        """Note whether the alert of a series is pending or firing. Where it is not and the condition does not hold
        either, nothing can happen."""
        self._on.filled[slot] = on

    def on(self, slots: Int64s) -> Bools:
        """Which of them have an alert that is pending or firing."""
        return self._on.filled[slots]

    def judged(self, slots: Int64s) -> Bools:
        """Which of them the rule judges."""
        return self._judges.filled[slots]

    def ranks(self, slots: Int64s, at_ms: int) -> Int8s:
        """To which rank the rule holds for each, over the lookbacks that end at `at_ms`; 0: it does not."""
        found: Int8s = self.rule.joined(self._condition_ranks(slots, at_ms))
        return np.where(self._vanished(slots, at_ms), np.int8(0), found) if self.rule.judges_nothing else found

    def _vanished(self, slots: Int64s, at_ms: int) -> Bools:
        """Which series had no calls for so long that "nothing came" says nothing about them any more."""
        return self._cells.last_ends_before(slots, at_ms) + self.rule.lookback_ms + ABSENT_MS <= at_ms

    def has_vanished(self, slot: int, at_ms: int) -> bool:
        """Whether a series is such a one, to a rule that holds where nothing came."""
        return self.rule.judges_nothing and bool(self._vanished(np.array([slot]), at_ms)[0])

    def held(self, slot: int, at_ms: int) -> list[int]:
        """Which of the conditions hold for one series, by their positions."""
        ranks = self._condition_ranks(np.array([slot]), at_ms)
        return [position for position, rank in enumerate(ranks) if rank[0]]

    def verdict(self, slot: int, position: int) -> Said | None:
        """What the detector of a condition says of one series; None: a threshold says no more than that it holds."""
        return None

    def points(self, slot: int, position: int, at_ms: int) -> tuple[tuple[float, float], ...]:
        """The newest values of what a condition judges, oldest first: epoch seconds and value."""
        return points_of(self.rule.conditions[position], self._cells, slot, at_ms)

    def _condition_ranks(self, slots: Int64s, at_ms: int) -> list[Int8s]:
        return [self._threshold_ranks(condition, slots, at_ms) for condition in self.rule.conditions]

    def _threshold_ranks(self, condition: BoundCondition, slots: Int64s, at_ms: int) -> Int8s:
        sums = self._cells.sums(condition.lookback_ms, at_ms, slots)
        return condition.ranks(lambda name: sums[slots, self._column_of[name]])

    def state(self) -> Any:
        """How far it is, for a snapshot; `put_back` takes it."""
        return self.judged_to_ms, self.began, self.over

    def put_back(self, state: Any) -> None:
        """See `state`; to be called before series are added."""
        self.judged_to_ms, self.began, self.over = state

    def plan(self, slots: Int64s, from_ms: Any = 0) -> None:
        """Note when these must be judged next, if at all.

        Args:
            from_ms: not before this. As long as a condition does not hold and no alert is on, a judgement can only come
            out differently when a window enters the lookback or leaves it.
        """
        known = self._due_ms.filled[slots]
        if ((known > 0) & (known <= self.judged_to_ms + self.width_ms)).all():
            return  # no sooner is possible
        first_end_ms = self._cells.first_starts(slots) + self._window_ms
        next_ms = np.maximum(np.maximum(first_end_ms, from_ms), self.judged_to_ms + self.width_ms)
        next_ms = self._step_after(next_ms)
        wanted = self.judged(slots) & (next_ms <= self._last_ms(slots))
        slots, next_ms, known = slots[wanted], next_ms[wanted], known[wanted]
        if len(slots):
            self._due_ms.filled[slots] = np.where(known == 0, next_ms, np.minimum(known, next_ms))
            self._nothing_before_ms = min(self._nothing_before_ms, int(next_ms.min()))

    def take_due(self, to_ms: int) -> Int64s:
        """Those that are due at or before `to_ms`, which are not noted any more. A look at all of them, but only if
        there may be one, and then at one number of each."""
        if to_ms < self._nothing_before_ms:
            return np.zeros(0, dtype=np.int64)
        found = np.empty(len(self._due_ms.filled), dtype=np.int64)
        count, self._nothing_before_ms = _take_due(self._due_ms.filled, to_ms, found)
        return found[:count]

    def changed(self, slots: Int64s, starts_ms: Int64s) -> Iterator[tuple[int, int, int]]:
        """Judge the latest window end anew for those whose windows, one for each, were part of its lookback. Gives the
        first place in `slots`, slot, and to which rank the rule holds, of those where something can follow."""
        to_ms = self.judged_to_ms
        begin_ms = self._cells.begin_ms(self.rule.lookback_ms, to_ms)
        late = (begin_ms <= starts_ms) & (starts_ms < to_ms) & self.judged(slots)
        if late.any():
            distinct, places = np.unique(slots, return_index=True)
            among = np.isin(distinct, slots[late])
            which, places = distinct[among], places[among]
            ranks = self.ranks(which, to_ms)
            matters = (ranks > 0) | self.on(which)
            yield from zip(places[matters].tolist(), which[matters].tolist(), ranks[matters].tolist(), strict=True)

    def ends(self, slots: Int64s, to_ms: int, oldest_ms: int) -> tuple[Int64s, Int64s]:
        """The first and the last window end at which each is judged: from the first window that is kept, and after
        `oldest_ms`, to one lookback after the last."""
        oldest_end_ms = self._cells.oldest_starts(slots) + self._window_ms
        first = np.maximum(oldest_end_ms, max(self.judged_to_ms, oldest_ms) + self.width_ms)
        return self._step_after(first), np.minimum(to_ms, self._last_ms(slots))

    def next_change(self, slots: Int64s, at_ms: int) -> Int64s:
        """The first window end after `at_ms` at which other windows are in the lookback; where nothing is in it and
        nothing comes later, never: a row that comes after all plans anew."""
        lookbacks_ms = {condition.lookback_ms for condition in self.rule.conditions}
        changes = [self._cells.next_change(each, at_ms, slots, none_ms=_NEVER_MS) for each in lookbacks_ms]
        return changes[0] if len(changes) == 1 else np.minimum.reduce(changes)

    def _step_after(self, at_ms: Int64s) -> Int64s:
        """The first time at or after these at which the rule is judged."""
        return at_ms if self.width_ms == self._window_ms else -(-at_ms // self.width_ms) * self.width_ms

    def _last_ms(self, slots: Int64s) -> Int64s:
        """The last window end at which a series is judged, one lookback after its last window. After that only time
        changes a verdict, for which one more judgement at the end is enough."""
        rule, longest_ms = self.rule.rule, self.rule.lookback_ms
        coarse_ms = resolution_ms(longest_ms, self._window_ms)
        coarse_ms = 0 if coarse_ms == self._window_ms else coarse_ms
        last_ms = self._cells.last_ends(slots) + longest_ms + coarse_ms + rule.keep_firing_for + self.width_ms
        # "Nothing came" begins to hold only after the last window, and holds until the series has vanished.
        return last_ms + rule.for_ + ABSENT_MS if self.rule.judges_nothing else last_ms


@compiled
def _take_due(due_ms: Any, to_ms: int, found: Any) -> Any:
    """Write the slots that are due to `found`; returns how many they are, and when the next one is due."""
    count, next_ms = 0, _NEVER_MS
    for slot in range(len(due_ms)):
        at_ms = due_ms[slot]
        if 0 < at_ms <= to_ms:
            found[count] = slot
            count += 1
            due_ms[slot] = 0
        elif at_ms > 0:
            next_ms = min(next_ms, at_ms)
    return count, next_ms
