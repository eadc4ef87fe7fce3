"""Detect's decisions: a deterministic state machine over one partition of the windows topic.

Everything, time included, comes from records of that log, so reading it again gives the same alerts. Records below
`live_from` have been decided before: they only rebuild the windows.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from callgauge.schema import Alert
from callgauge_rules.alerts import alert_of, ended, fingerprint_of, state_of
from callgauge_rules.lifecycle import Timing, observe, step
from callgauge_rules.rules import RESERVED, BoundRule
from callgauge_streams.detect.batch_rows import rows_of
from callgauge_streams.detect.cap import SERIES_CAP, Cap
from callgauge_streams.detect.due import Due
from callgauge_streams.detect.history_span import history_ms
from callgauge_streams.detect.late import LATE_MS, Late
from callgauge_streams.detect.losses import Losses
from callgauge_streams.detect.merge import Series, Windows
from callgauge_streams.detect.overflows import Overflows
from callgauge_streams.detect.sources import Sources
from callgauge_streams.detect.states import States
from callgauge_windows.row_batch import RowBatch

__all__ = ["Engine"]

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
        self._rules = rules
        self._by_grouping: dict[str, list[BoundRule]] = {}
        for rule in rules:
            self._by_grouping.setdefault(rule.grouping.name, []).append(rule)
        self._log = log
        self._live_from = live_from
        self._keep_ms = {name: history_ms(of) for name, of in self._by_grouping.items()}
        self._cap = Cap(log.rpartition("/")[2], series_cap)
        self._measures = frozenset(rule.aggregate.measure for rule in rules if rule.aggregate.measure)
        self._windows = Windows(self._admit)
        self._sources = Sources(source_timeout_ms)
        current = list(current)
        self._losses = Losses(log, live_from, current) if tells_losses else None
        self._overflows = Overflows(log, live_from, current) if tells_losses else None
        self._states = States(
            (alert for alert in current if alert.rule not in RESERVED),
            log=log,
            rules=(rule.rule.name for rule in rules),
            cooldown_ms=max((rule.rule.cooldown for rule in rules), default=0),
        )
        self._judged_to = {rule.rule.name: 0 for rule in rules}
        self._due: dict[str, Due[Series]] = {rule.rule.name: Due() for rule in rules}
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
        self._sources.clock_ms = max(self._sources.clock_ms, timestamp_ms)
        self._offset = offset
        match record.kind:
            case "rows" if record.grouping in self._by_grouping:
                rows = rows_of(self._in_time(record), self._measures)
                return [alert for row in rows for alert in self._take_row(row)]
            case "row":
                return self.take(offset, timestamp_ms, RowBatch.of_rows([record]))
            case "epoch":
                lost = self._losses.take(record, offset, timestamp_ms) if self._losses else ()
                return [*lost, *self._take_start(record)]
            case "progress":
                return list(self._take_progress(record))
        # Rows that no rule is about.
        # A summary: what it counts is in the rows, when its block may be folded is in the progress.
        # A score_row: no rule judges scores.
        return []

    def _take_row(self, row: Any) -> Iterator[Alert]:
        end_ms = row.window_start_ms + row.window_ms
        if not self._forgotten_to[row.grouping] < end_ms <= self._sources.clock_ms + _AHEAD_MS:
            self.left_out += 1
            return
        series = self._windows.put(row)
        if series is None:
            return
        if not series.fingerprints:
            series.fingerprints = self._fingerprints(row.grouping, series.labels)
            self._states.judged(series.fingerprints.values())
        for rule in self._rules_of(series):
            self._plan(rule, series)
        yield from self._judge_again(series, [row.window_start_ms], "a late row changed the window")

    def _late_of(self, rules: Sequence[BoundRule], series_cap: int) -> Late | None:
        # What is missing cannot be told from late rows alone.
        judged = [rule for rule in rules if not rule.judges_nothing]
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
        if self._late is None or not late.any():
            return batch
        self.left_out += self._late.take(batch.take(np.flatnonzero(late)), self._sources.clock_ms)
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
        for series, starts_ms in self._windows.start(start):
            for rule in self._rules_of(series):
                self._plan(rule, series)
            yield from self._judge_again(
                series, starts_ms, "rows became void: they are counted again by other settings"
            )

    def _take_progress(self, progress: Any) -> Iterator[Alert]:
        sources = [source for source in progress.sources if source.holds == "calls"]
        self._sources.hear(sources)
        for source in sources:
            self._windows.fold(source.source, source.committed)
        watermark_ms = self._sources.watermark_ms()
        yield from self._judge_to(watermark_ms)
        self._forget(watermark_ms)
        yield from self._end_what_nothing_judges(watermark_ms)
        if self._late:
            yield from self._late.judge(self._offset, self._sources.clock_ms, self._is_on)
        if self._losses:
            yield from self._losses.end(self._offset, self._sources.clock_ms)
        yield from self._tell_overflows(progress)

    def _is_on(self, fingerprint: str) -> bool:
        return self._states.of(fingerprint).phase != "inactive"

    def _tell_overflows(self, progress: Any) -> Iterator[Alert]:
        own = self._cap.take_overflows()
        if self._overflows:
            # Rollup's come first, since they name the service.
            folded = [*(each for source in progress.sources for each in source.folding), *own]
            yield from self._overflows.take(folded, self._offset, self._sources.clock_ms)
            yield from self._overflows.end(self._offset, self._sources.clock_ms)

    def _rules_of(self, series: Series) -> list[BoundRule]:
        return [rule for rule in self._by_grouping[series.grouping] if rule.rule.name in series.fingerprints]

    def _judge_to(self, watermark_ms: int) -> Iterator[Alert]:
        """Judge every window that has ended since the last time: rule by rule, series in the order in which they came,
        windows in order of their ends."""
        for rule in self._rules:
            if rule.aggregate.counts and not self._sources.complete:
                continue  # a count that lacks a source is wrong, so rules on counts wait for all sources
            name, width = rule.rule.name, rule.grouping.window_ms
            to_ms = watermark_ms // width * width
            due = sorted(self._due[name].take(to_ms), key=lambda series: series.number)
            next_ms = []
            for series in due:
                holds = True
                for at_ms in self._ends(rule, series, to_ms):
                    holds = yield from self._judge(rule, series, at_ms)
                quiet = not holds and self._states.of(series.fingerprints[name]).phase == "inactive"
                next_ms.append(series.next_change_ms(to_ms, rule.rule.lookback) if quiet else to_ms + width)
            self._judged_to[name] = max(self._judged_to[name], to_ms)
            for series, at_ms in zip(due, next_ms, strict=True):
                self._plan(rule, series, at_ms)

    def _plan(self, rule: BoundRule, series: Series, from_ms: int = 0) -> None:
        """Note when the rule must judge the series next, if at all.

        Args:
            from_ms: not before this. As long as a condition does not hold and no alert is on, a judgement can only come
            out differently when a window enters the lookback or leaves it.
        """
        name = rule.rule.name
        next_ms = max(self._judged_to[name] + series.window_ms, series.first_start_ms + series.window_ms, from_ms)
        if next_ms <= _last_ms(rule, series):
            self._due[name].put(series, next_ms)

    def _ends(self, rule: BoundRule, series: Series, to_ms: int) -> Iterable[int]:
        """The window ends to judge: from the first window that is kept to one lookback after the last."""
        width = series.window_ms
        oldest = (to_ms - self._keep_ms[series.grouping] - _WAIT_MS) // width * width
        first = max(self._judged_to[rule.rule.name], min(series.windows), oldest) + width
        return range(first, min(to_ms, _last_ms(rule, series)) + 1, width)

    def _forget(self, watermark_ms: int) -> None:
        """Drop windows that no rule will look at again."""
        for grouping, rules in self._by_grouping.items():
            slowest = min(self._judged_to[rule.rule.name] for rule in rules)
            border_ms = max(slowest, watermark_ms - _WAIT_MS) - self._keep_ms[grouping]
            self._forgotten_to[grouping] = max(self._forgotten_to[grouping], border_ms)
            for series in self._windows.forget(self._forgotten_to[grouping], grouping):
                for name in series.fingerprints:
                    self._due[name].drop(series)
                self._states.unjudged(series.fingerprints.values())
                if series.told_apart:
                    self._cap.release(grouping, series.labels)

    def _judge_again(self, series: Series, changed_ms: Sequence[int], reason: str) -> Iterator[Alert]:
        """Windows that were judged already have changed (their starts, ms): judge again the latest window end whose
        lookback they are part of."""
        for rule in self._rules_of(series):
            judged_to = self._judged_to[rule.rule.name]
            waits = rule.aggregate.counts and not self._sources.complete
            if any(start < judged_to <= start + rule.rule.lookback for start in changed_ms) and not waits:
                yield from self._judge(rule, series, judged_to, reason)

    def _judge(self, rule: BoundRule, series: Series, at_ms: int, reason: str = "") -> Generator[Alert, None, bool]:
        """Judge the window that ends at `at_ms`. Returns whether the rule's condition holds."""
        totals = series.totals(at_ms - rule.rule.lookback, at_ms)
        value = rule.aggregate.of(totals)
        holds = rule.holds(value, totals.n)
        key = series.fingerprints[rule.rule.name]
        before = self._states.of(key)
        if self._offset < self._live_from or (self._offset, at_ms) <= (before.offset, before.at_ms):
            self._states.keep(key, observe(before, holds, at_ms))  # decided before the log was read again
            return holds
        timing = Timing(rule.rule.for_, rule.rule.keep_firing_for, rule.rule.cooldown)
        after = step(before, timing, holds, at_ms)
        if (after.phase, after.seq, after.starts_at_ms) == (before.phase, before.seq, before.starts_at_ms):
            self._states.keep(key, after)
            return holds
        after = replace(after, offset=self._offset)
        alert = alert_of(rule, series.labels, after, value, totals, reason=reason, log=self._log)
        self._states.tell(alert, after)
        yield alert
        return holds

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


def _last_ms(rule: BoundRule, series: Series) -> int:
    """The last window end at which a series is judged, one lookback after its last window. After that only time changes
    a verdict, for which one more judgement at the end is enough."""
    last_ms = series.last_end_ms + rule.rule.lookback + rule.rule.keep_firing_for + series.window_ms
    # "Nothing came" begins to hold only after the last window.
    return last_ms + rule.rule.for_ if rule.judges_nothing else last_ms
