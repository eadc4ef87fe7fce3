"""Judges windows, and decides what follows for each alert; the engine says which windows have ended and changed."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.schema import Alert
from callgauge_rules.alerts import ended, state_of
from callgauge_rules.lifecycle import observe, step
from callgauge_streams.detect.history_span import history_ms
from callgauge_streams.detect.judging import Judging
from callgauge_streams.detect.learned_judging import LearnedJudging
from callgauge_streams.detect.states import States
from callgauge_streams.detect.telling import Telling
from callgauge_streams.detect.watermarks import Watermarks

__all__ = ["WAIT_MS", "Deciding"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: How long windows are kept for count rules that wait for an unheard source.
WAIT_MS = 3_600_000


class Deciding:
    """See above.

    Args:
        judgings: one for each rule, and each time between which it is in force.
        log: the partition read, "cluster id/topic id/partition".
        live_from: the first offset not decided yet.

    Attributes:
        offset: of the record that is taken now.
        keep_ms: grouping set -> how long the rules in force need its windows; without those that are not in force yet.
    """

    def __init__(
        self,
        judgings: Sequence[Judging],
        states: States,
        watermarks: Watermarks,
        *,
        log: str,
        live_from: int,
    ) -> None:
        self._all, self._judgings = tuple(judgings), list(judgings)
        self._states, self._watermarks = states, watermarks
        self._of: dict[str, list[Judging]] = {}
        for judging in judgings:
            self._of.setdefault(judging.rule.grouping.name, []).append(judging)
            for other in judgings:
                if other.name == judging.name and other.to_ms is not None and other.to_ms == judging.from_ms:
                    judging.before, other.after = other, judging
        self.keep_ms: dict[str, int] = {}
        for grouping in self._of:
            self._note_kept(grouping)
        self._log, self._live_from = log, live_from
        self._telling = Telling(log, watermarks)
        self.offset = -1

    def begin(self, offset: int) -> None:
        """A record of the log is taken."""
        self.offset = offset
        self._telling.begin()

    def of(self, grouping: str) -> list[Judging]:
        """The rules of a grouping set, also those that are not in force yet."""
        return self._of[grouping]

    def is_on(self, fingerprint: str) -> bool:
        """Whether an alert is pending or firing."""
        return self._states.of(fingerprint).phase != "inactive"

    def judge(self) -> Iterator[Alert]:
        """Judge every window that has ended since the last time: rule by rule, series in the order in which they came,
        windows in order of their ends."""
        for judging in list(self._judgings):
            if self._watermarks.waits(judging.rule) or (judging.before is not None and not judging.before.over):
                continue
            learns = isinstance(judging, LearnedJudging)
            if learns and self.offset < self._live_from and not self._watermarks.settled:
                continue  # a window must not be fed before all its rows were read again
            watermark_ms = self._watermarks.of(judging.rule)
            to_ms = judging.last_step(watermark_ms)
            if to_ms >= judging.from_ms:
                if not judging.began:
                    self._begin_rule(judging)
                yield from (
                    self._judge_learned(judging, to_ms)
                    if isinstance(judging, LearnedJudging)
                    else self._judge_due(judging, to_ms)
                )
            if judging.to_ms is not None and watermark_ms >= judging.to_ms:
                yield from self._end_rule(judging, judging.to_ms)

    def _begin_rule(self, judging: Judging) -> None:
        """A rule is in force from now on. When the log is read again, its alerts may be known already; those of a rule
        before it are handed over when that one ends."""
        judging.began = True
        self._states.add_rule(judging.name)
        self._note_kept(judging.rule.grouping.name)
        if judging.before is None:
            series = judging.kept.series
            on = [slot for slot in series if self.is_on(series[slot].fingerprints[judging.name])]
            judging.go_on(np.array(on, dtype=np.int64))

    def _judge_due(self, judging: Judging, to_ms: int) -> Iterator[Alert]:
        due = judging.take_due(to_ms)
        if not len(due):
            judging.judged_to_ms = max(judging.judged_to_ms, to_ms)
            return
        slots = due[np.argsort(judging.kept.numbers(due))]
        holds = yield from self._judge_ends(judging, slots, to_ms)
        quiet = ~holds & ~judging.on(slots)
        next_ms = np.full(len(slots), to_ms + judging.width_ms)
        next_ms[quiet] = judging.next_change(slots[quiet], to_ms)
        judging.judged_to_ms = max(judging.judged_to_ms, to_ms)
        judging.plan(slots, next_ms)

    def _end_rule(self, judging: Judging, at_ms: int) -> Iterator[Alert]:
        """A rule is in force no more: the one that takes over goes on with its alerts; those that nothing judges any
        more end."""
        judging.over, grouping = True, judging.rule.grouping.name
        self._judgings.remove(judging)
        self._of[grouping].remove(judging)
        self._note_kept(grouping)
        reason = "the rule was removed"
        if judging.after is None:
            left = judging.all_on()
            self._states.remove_rule(judging.name)
        else:
            left = judging.after.take_over(judging)
            reason = "the rule was changed, and as it is now it does not judge this series"
        for slot in left.tolist():
            yield from self._end(judging.kept.series[slot].fingerprints[judging.name], at_ms, reason)

    def _end(self, key: str, at_ms: int, reason: str) -> Iterator[Alert]:
        """End an alert that nothing judges any more."""
        state, alert = self._states.of(key), self._states.alert(key)
        decided = self.offset < self._live_from or (self.offset, at_ms) <= (state.offset, state.at_ms)
        if state.phase == "inactive" or alert is None or decided:
            return
        at_ms = max(at_ms, round(alert.at * 1000))
        alert = ended(alert, at_ms, self.offset, reason).model_copy(update={"log": self._log})
        self._states.tell(alert, state_of(alert, self._log))
        yield alert

    def state(self) -> Any:
        """How far each rule is, for a snapshot; `put_back` takes it."""
        return [judging.state() for judging in self._all]

    def put_back(self, state: Any) -> None:
        """See `state`; to be called before series are added."""
        for judging, each in zip(self._all, state, strict=True):
            judging.put_back(each)
            if judging.over:
                self._judgings.remove(judging)
                self._of[judging.rule.grouping.name].remove(judging)
        for grouping in self._of:
            self._note_kept(grouping)

    def plan_all(self) -> None:
        """Plan all series anew; what is judged without need comes out as it was."""
        for of in self._of.values():
            for judging in of:
                judging.plan(np.array(sorted(judging.kept.series), dtype=np.int64))

    def _note_kept(self, grouping: str) -> None:
        self.keep_ms[grouping] = history_ms([judging.rule for judging in self.in_force(grouping)])

    def in_force(self, grouping: str) -> list[Judging]:
        """The rules of a grouping set that judge now."""
        return [judging for judging in self._of[grouping] if judging.began]

    def _judge_learned(self, judging: LearnedJudging, to_ms: int) -> Iterator[Alert]:
        """Feed a rule's detectors with all windows up to `to_ms`, in order, and judge all series at each."""
        for at_ms in judging.steps(to_ms, to_ms - self.keep_ms[judging.rule.grouping.name] - WAIT_MS):
            for slot, rank in judging.feed(at_ms):
                yield from self._decide(judging, slot, at_ms, rank=rank)
        judging.judged_to_ms = max(judging.judged_to_ms, to_ms)

    def _judge_ends(self, judging: Judging, slots: Int64s, to_ms: int) -> Generator[Alert, None, Bools]:
        """Judge series at all window ends up to `to_ms`. Returns whether the condition holds at the last one of each,
        True where there is none."""
        first, last = self.ends(judging, slots, to_ms)
        holds = np.ones(len(slots), dtype=np.bool_)
        held: dict[int, dict[int, int]] = {at: {} for at in np.flatnonzero(judging.on(slots)).tolist()}
        for at_ms in range(int(first.min()), int(last.max()) + 1, judging.width_ms):
            now = np.flatnonzero((first <= at_ms) & (at_ms <= last))
            ranks = judging.ranks(slots[now], at_ms)
            holds[now] = ranks > 0
            for at, rank in zip(now[ranks > 0].tolist(), ranks[ranks > 0].tolist(), strict=True):
                held.setdefault(at, {})[at_ms] = rank
        for at in sorted(held):
            for at_ms in range(int(first[at]), int(last[at]) + 1, judging.width_ms):
                yield from self._decide(judging, int(slots[at]), at_ms, rank=held[at].get(at_ms, 0))
        return holds

    def ends(self, judging: Judging, slots: Int64s, to_ms: int) -> tuple[Int64s, Int64s]:
        """The first and the last window end at which each series is judged."""
        width = judging.width_ms
        return judging.ends(slots, to_ms, (to_ms - self.keep_ms[judging.rule.grouping.name] - WAIT_MS) // width * width)

    def changes(self, grouping: str, slots: Int64s, starts_ms: Int64s, reason: str) -> Iterator[Alert]:
        """Windows of these series, one for each, have changed. If they were judged already, the latest window end whose
        lookback they are part of is judged again: series by series in their order, rule by rule."""
        again: list[tuple[int, int, Judging, int, int]] = []
        oldest_ms = starts_ms.min(initial=1 << 62)
        for order, judging in enumerate(self._of[grouping]):
            judging.plan(slots)
            if judging.began and oldest_ms < judging.judged_to_ms and not self._watermarks.waits(judging.rule):
                for place, slot, rank in judging.changed(slots, starts_ms):
                    again.append((place, order, judging, slot, rank))
        for _, _, judging, slot, rank in sorted(again, key=lambda each: each[:2]):
            yield from self._decide(judging, slot, judging.judged_to_ms, rank=rank, reason=reason)

    def _decide(self, judging: Judging, slot: int, at_ms: int, *, rank: int, reason: str = "") -> Iterator[Alert]:
        """The window that ends at `at_ms` was judged."""
        series = judging.kept.series[slot]
        key = series.fingerprints[judging.name]
        before = self._states.of(key)
        if not rank and before.phase == "inactive":
            return
        if self.offset < self._live_from or (self.offset, at_ms) <= (before.offset, before.at_ms):
            self._states.keep(
                key, observe(before, rank, at_ms, offset=self.offset)
            )  # decided before the log was read again
            return
        after = step(before, judging.timing, rank, at_ms)
        judging.set_on(slot, on=after.phase != "inactive")
        if (after.phase, after.seq, after.starts_at_ms) == (before.phase, before.seq, before.starts_at_ms):
            self._states.keep(key, after)
            return
        after = replace(after, offset=self.offset)
        alert = self._telling.alert(judging, series, after, at_ms, reason)
        self._states.tell(alert, after)
        yield alert

    def end_what_nothing_judges(self, watermark_ms: int) -> Iterator[Alert]:
        """End alerts whose rule was removed or whose series is no longer heard of: nothing else would."""
        if self.offset < self._live_from:
            return
        for alert in self._states.take_left(watermark_ms):
            reason = "no calls to judge" if self._states.has_rule(alert) else "the rule was removed or changed"
            at_ms = max(watermark_ms, round(alert.at * 1000))
            alert = ended(alert, at_ms, self.offset, reason).model_copy(update={"log": self._log})
            self._states.tell(alert, state_of(alert, self._log))
            yield alert
