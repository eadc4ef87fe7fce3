"""Detect's decisions: a deterministic state machine over one partition of the windows topic.

Everything, time included, comes from records of that log, so reading it again gives the same alerts. Records below
`live_from` have been decided before: they only rebuild the windows.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.schema import Alert
from callgauge_rules.alerts import ended, fingerprint_of, state_of
from callgauge_rules.bound import BoundCondition, BoundRule
from callgauge_rules.lifecycle import observe, step
from callgauge_rules.rule import RESERVED
from callgauge_rules.score_aggregates import score_measures
from callgauge_streams.detect.cap import SERIES_CAP, Cap
from callgauge_streams.detect.columns import Columns
from callgauge_streams.detect.history_span import history_ms
from callgauge_streams.detect.judging import Judging
from callgauge_streams.detect.late import LATE_MS, Late
from callgauge_streams.detect.learned_judging import LearnedJudging
from callgauge_streams.detect.losses import Losses
from callgauge_streams.detect.merge import Windows
from callgauge_streams.detect.overflows import Overflows
from callgauge_streams.detect.score_batch import score_batch
from callgauge_streams.detect.series import Series
from callgauge_streams.detect.states import States
from callgauge_streams.detect.telling import Telling
from callgauge_streams.detect.watermarks import Watermarks
from callgauge_windows.row_batch import RowBatch

__all__ = ["Engine"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# How long windows are kept for count rules that wait for an unheard source.
_WAIT_MS = 3_600_000
# Rows of windows further ahead of the log's clock come from clocks that are wrong, and would be kept for ever.
_AHEAD_MS = 3_600_000


class Engine:
    """Judges windows when the watermark passes their end.

    Args:
        log: the partition read, "cluster id/topic id/partition".
        live_from: the first offset not decided yet.
        current: the last transition of each alert.
        tells_losses: whether this engine raises `records_lost` and `too_many_series`. Starts and progress are sent to
            every partition, so one engine does.
        series_cap: so many series of a service are told apart in each grouping set.
        judges_late: whether rows of windows that are forgotten already are judged; see `late`.
    """

    def __init__(
        self,
        rules: Sequence[BoundRule],
        *,
        source_timeout_ms: int,
        live_from: int,
        current: Iterable[Alert] = (),
        log: str = "",
        tells_losses: bool = False,
        series_cap: int = SERIES_CAP,
        judges_late: bool = True,
    ) -> None:
        self._by_grouping: dict[str, list[BoundRule]] = {}
        for rule in rules:
            self._by_grouping.setdefault(rule.grouping.name, []).append(rule)
        self._log = log
        self._live_from = live_from
        self._keep_ms = {name: history_ms(of) for name, of in self._by_grouping.items()}
        self._cap = Cap(log.rpartition("/")[2], series_cap)
        self._windows = Windows(
            {name: Columns.of_rules(of) for name, of in self._by_grouping.items()},
            {name: {each.lookback_ms for each in _conditions(of)} for name, of in self._by_grouping.items()},
            self._admit,
        )
        self._scores = {
            name: frozenset(each.aggregate.measure for each in _conditions(of) if each.aggregate.of_scores)
            for name, of in self._by_grouping.items()
        }
        self._watermarks = Watermarks(source_timeout_ms)
        self._telling = Telling(log, self._watermarks)
        current = list(current)
        self._losses = Losses(log, live_from, current) if tells_losses else None
        self._overflows = Overflows(log, live_from, current) if tells_losses else None
        self._states = States(
            (alert for alert in current if alert.rule not in RESERVED),
            log=log,
            rules=(rule.rule.name for rule in rules),
            cooldown_ms=max((rule.rule.cooldown for rule in rules), default=0),
        )
        self._judgings = [
            (LearnedJudging if rule.learns else Judging)(
                rule, self._windows.kept(rule.grouping.name, rule.grouping.window_ms)
            )
            for rule in rules
        ]
        self._judging_of = {
            name: [judging for judging in self._judgings if judging.rule.grouping.name == name]
            for name in self._by_grouping
        }
        self._forgotten_to = dict.fromkeys(self._by_grouping, 0)
        self._late = self._late_of(rules, series_cap) if judges_late else None
        self._offset = -1
        self.left_out = 0
        """Rows that were left out: too old to be judged, or of windows in the future."""

    @property
    def folded(self) -> int:
        """Rows of series beyond the cap, which count under `__other__`."""
        return self._cap.rows

    def take(self, offset: int, timestamp_ms: int, record: Any) -> list[Alert]:
        """Take the log's next record; returns the transitions it causes."""
        self._watermarks.tick(timestamp_ms)
        self._telling.begin()
        self._offset = offset
        match record.kind:
            case "rows" if record.grouping in self._by_grouping:
                return list(self._take_rows(self._in_time(record)))
            case "row":
                return self.take(offset, timestamp_ms, RowBatch.of_rows([record]))
            case "score_row" if self._is_wanted(record):
                return list(self._take_rows(score_batch(record)))
            case "epoch":
                lost = self._losses.take(record, offset, timestamp_ms) if self._losses else ()
                return [*lost, *self._take_start(record)]
            case "progress":
                return list(self._take_progress(record))
        # Rows that no rule is about.
        # A summary: what it counts is in the rows, when its block may be folded is in the progress.
        return []

    def _is_wanted(self, row: Any) -> bool:
        """Whether some rule is about a row of scores."""
        return not self._scores.get(row.grouping, frozenset()).isdisjoint(score_measures(row.name, row.origin))

    def _take_rows(self, batch: RowBatch) -> Iterator[Alert]:
        ends_ms = batch.column("window_start_ms") + batch.window_ms
        fits = (self._forgotten_to[batch.grouping] < ends_ms) & (ends_ms <= self._watermarks.clock_ms + _AHEAD_MS)
        self.left_out += len(batch) - int(fits.sum())
        changed = self._windows.put(batch, fits)
        if changed is None:
            return
        for series in changed.new:
            self._begin(series)
        yield from self._take_changes(batch.grouping, changed.slots, changed.starts_ms, "a late row changed the window")

    def _begin(self, series: Series) -> None:
        """A series is new."""
        series.fingerprints = self._fingerprints(series.grouping, series.labels)
        self._states.judged(series.fingerprints.values())
        for judging in self._judging_of[series.grouping]:
            key = series.fingerprints.get(judging.name, "")
            judging.add(series, on=self._states.of(key).phase != "inactive")

    def _late_of(self, rules: Sequence[BoundRule], series_cap: int) -> Late | None:
        # What is missing cannot be told from late rows alone.
        # Scores have watermarks of their own, and what learns was fed with later windows already.
        judged = [rule for rule in rules if not (rule.judges_nothing or rule.of_scores or rule.learns)]
        if not judged:
            return None

        def make() -> Engine:
            return Engine(
                judged, source_timeout_ms=LATE_MS, live_from=0, log="", series_cap=series_cap, judges_late=False
            )

        return Late(make, history_ms(judged), self._log, self._live_from)

    def _in_time(self, batch: RowBatch) -> RowBatch:
        """The rows of a batch whose windows are not forgotten; the others are judged late."""
        late = batch.column("window_start_ms") + batch.window_ms <= self._forgotten_to[batch.grouping]
        # Rows of blocks that have ended come again when the past is aggregated anew: those windows were judged.
        if self._late is None or not late.any() or not self._windows.takes(batch):
            return batch
        self.left_out += self._late.take(batch.take(np.flatnonzero(late)), self._watermarks.clock_ms)
        return batch.take(np.flatnonzero(~late))

    def _admit(self, row: Any) -> dict[str, str] | None:
        """Under which labels a row of an unknown series counts; None if no rule judges it."""
        rules = [rule for rule in self._by_grouping[row.grouping] if rule.judges(row.labels)]
        if not rules:
            return None
        if self._cap.has_room(row.grouping, row.labels) or self._is_named(row, rules):
            self._cap.add(row.grouping, row.labels)
            return row.labels  # type: ignore[no-any-return]
        folded = self._cap.fold(row.grouping, row.labels, row.series_id)
        return folded if any(rule.judges(folded) for rule in rules) else None

    def _is_named(self, row: Any, rules: Sequence[BoundRule]) -> bool:
        """Whether a series must be told apart in any case: a rule names it in full, or an alert of it is known."""
        if any(len(rule.rule.where) == len(row.labels) for rule in rules):
            return True
        return len(self._states) > 0 and any(
            key in self._states for key in self._fingerprints(row.grouping, row.labels).values()
        )

    def _fingerprints(self, grouping: str, labels: dict[str, str]) -> dict[str, str]:
        judging = [rule for rule in self._by_grouping[grouping] if rule.judges(labels)]
        return {rule.rule.name: fingerprint_of(rule.rule.name, labels) for rule in judging}

    def _take_start(self, start: Any) -> Iterator[Alert]:
        lost = self._windows.start(start)
        reason = "rows became void: they are counted again by other settings"
        for grouping, of in groupby(lost, key=lambda each: each[0].grouping):
            places = np.array([(series.slot, at_ms) for series, starts_ms in of for at_ms in starts_ms], dtype=np.int64)
            yield from self._take_changes(grouping, places[:, 0], places[:, 1], reason)

    def _take_progress(self, progress: Any) -> Iterator[Alert]:
        self._watermarks.hear(progress)
        for source in progress.sources:
            self._windows.fold(source.source, source.committed)
        watermark_ms = self._watermarks.of_calls_ms
        yield from self._judge()
        self._forget(watermark_ms)
        yield from self._end_what_nothing_judges(watermark_ms)
        if self._late:
            yield from self._late.judge(self._offset, self._watermarks.clock_ms, self._is_on)
        if self._losses:
            yield from self._losses.end(self._offset, self._watermarks.clock_ms)
        yield from self._tell_overflows(progress)

    def _is_on(self, fingerprint: str) -> bool:
        return self._states.of(fingerprint).phase != "inactive"

    def _tell_overflows(self, progress: Any) -> Iterator[Alert]:
        own = self._cap.take_overflows()
        if self._overflows:
            # Rollup's come first, since they name the service.
            folded = [*(each for source in progress.sources for each in source.folding), *own]
            yield from self._overflows.take(folded, self._offset, self._watermarks.clock_ms)
            yield from self._overflows.end(self._offset, self._watermarks.clock_ms)

    def _judge(self) -> Iterator[Alert]:
        """Judge every window that has ended since the last time: rule by rule, series in the order in which they came,
        windows in order of their ends."""
        for judging in self._judgings:
            if self._watermarks.waits(judging.rule):
                continue
            to_ms = self._watermarks.of(judging.rule) // judging.width_ms * judging.width_ms
            if isinstance(judging, LearnedJudging):
                yield from self._judge_learned(judging, to_ms)
                continue
            due = judging.take_due(to_ms)
            if not len(due):
                judging.judged_to_ms = max(judging.judged_to_ms, to_ms)
                continue
            slots = due[np.argsort(judging.kept.numbers(due))]
            holds = yield from self._judge_ends(judging, slots, to_ms)
            quiet = ~holds & ~judging.on(slots)
            next_ms = np.full(len(slots), to_ms + judging.width_ms)
            next_ms[quiet] = judging.next_change(slots[quiet], to_ms)
            judging.judged_to_ms = max(judging.judged_to_ms, to_ms)
            judging.plan(slots, next_ms)

    def _judge_learned(self, judging: LearnedJudging, to_ms: int) -> Iterator[Alert]:
        """Feed a rule's detectors with all windows up to `to_ms`, in order, and judge all series at each."""
        for at_ms in judging.steps(to_ms, to_ms - self._keep_ms[judging.rule.grouping.name] - _WAIT_MS):
            for slot, rank in judging.feed(at_ms):
                yield from self._decide(judging, slot, at_ms, rank=rank)
        judging.judged_to_ms = max(judging.judged_to_ms, to_ms)

    def _judge_ends(self, judging: Judging, slots: Int64s, to_ms: int) -> Generator[Alert, None, Bools]:
        """Judge series at all window ends up to `to_ms`. Returns whether the condition holds at the last one of each,
        True where there is none."""
        first, last = self._ends(judging, slots, to_ms)
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

    def _ends(self, judging: Judging, slots: Int64s, to_ms: int) -> tuple[Int64s, Int64s]:
        """The first and the last window end at which each series is judged."""
        width = judging.width_ms
        return judging.ends(
            slots, to_ms, (to_ms - self._keep_ms[judging.rule.grouping.name] - _WAIT_MS) // width * width
        )

    def _forget(self, watermark_ms: int) -> None:
        """Drop windows that no rule will look at again."""
        for grouping in self._by_grouping:
            slowest = min(judging.judged_to_ms for judging in self._judging_of[grouping])
            border_ms = max(slowest, watermark_ms - _WAIT_MS) - self._keep_ms[grouping]
            self._forgotten_to[grouping] = max(self._forgotten_to[grouping], border_ms)
            for series in self._windows.forget(self._forgotten_to[grouping], grouping):
                for judging in self._judging_of[grouping]:
                    judging.drop(series)
                self._states.unjudged(series.fingerprints.values())
                if series.told_apart:
                    self._cap.release(grouping, series.labels)

    def _take_changes(self, grouping: str, slots: Int64s, starts_ms: Int64s, reason: str) -> Iterator[Alert]:
        """Windows of these series, one for each, have changed. If they were judged already, the latest window end whose
        lookback they are part of is judged again: series by series in their order, rule by rule."""
        again: list[tuple[int, int, Judging, int, int]] = []
        oldest_ms = starts_ms.min(initial=1 << 62)
        for order, judging in enumerate(self._judging_of[grouping]):
            judging.plan(slots)
            if oldest_ms < judging.judged_to_ms and not self._watermarks.waits(judging.rule):
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
        if self._offset < self._live_from or (self._offset, at_ms) <= (before.offset, before.at_ms):
            self._states.keep(key, observe(before, rank, at_ms))  # decided before the log was read again
            return
        after = step(before, judging.timing, rank, at_ms)
        judging.set_on(slot, on=after.phase != "inactive")
        if (after.phase, after.seq, after.starts_at_ms) == (before.phase, before.seq, before.starts_at_ms):
            self._states.keep(key, after)
            return
        after = replace(after, offset=self._offset)
        alert = self._telling.alert(judging, series, after, at_ms, reason)
        self._states.tell(alert, after)
        yield alert

    def _end_what_nothing_judges(self, watermark_ms: int) -> Iterator[Alert]:
        """End alerts whose rule was removed or whose series is no longer heard of: nothing else would."""
        if self._offset < self._live_from:
            return
        for alert in self._states.take_left(watermark_ms):
            reason = "no calls to judge" if self._states.has_rule(alert) else "the rule was removed or changed"
            at_ms = max(watermark_ms, round(alert.at * 1000))
            alert = ended(alert, at_ms, self._offset, reason).model_copy(update={"log": self._log})
            self._states.tell(alert, state_of(alert, self._log))
            yield alert


def _conditions(rules: Iterable[BoundRule]) -> list[BoundCondition]:
    return [condition for rule in rules for condition in rule.conditions]
