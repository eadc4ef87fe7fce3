"""Detect's decisions: a deterministic state machine over one partition of the windows topic.

Everything, time included, comes from records of that log, so reading it again gives the same alerts. Records below
`live_from` have been decided before: they only rebuild the windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from callgauge.schema import Alert
from callgauge_rules.alerts import alert_of, ended, fingerprint_of, state_of
from callgauge_rules.lifecycle import State, Timing, observe, step
from callgauge_rules.rules import RECORDS_LOST, BoundRule
from callgauge_streams.detect.losses import Losses
from callgauge_streams.detect.merge import Series, Windows
from callgauge_streams.detect.sources import GONE_AFTER, Sources

__all__ = ["Engine", "history_ms", "read_back_ms"]

# How long windows are kept for count rules that wait for an unheard source.
_WAIT_MS = 3_600_000
# Rows of windows further ahead of the log's clock come from clocks that are wrong, and would be kept for ever.
_AHEAD_MS = 3_600_000
# A series without calls is known, and an alert that its traffic has stopped goes on, for so long.
_ABSENT_MS = 3_600_000
# Rollup repeats each source's start about once a minute; that long is read to have heard them all.
_STARTS_MS = 180_000


def history_ms(rules: Sequence[BoundRule]) -> int:
    """How long windows must be kept: for the lookback of the next one, and to know since when a condition has held."""
    return max((_needed_ms(rule) for rule in rules), default=0)


def _needed_ms(bound: BoundRule) -> int:
    rule = bound.rule
    absent_ms = _ABSENT_MS if bound.judges_nothing else 0
    return rule.lookback + rule.keep_firing_for + rule.for_ + bound.grouping.window_ms + absent_ms


def read_back_ms(rules: Sequence[BoundRule], source_timeout_ms: int) -> int:
    """How far before the first undecided record the log must be read: the windows' history, and of every source its
    progress and the epoch in force.

    Windows are kept by event time but found in the log by append time. Twice the history is enough as long as event
    time has run at least half as fast as the log's clock (it is slower only while rollup falls behind).
    """
    return 2 * history_ms(rules) + GONE_AFTER * source_timeout_ms + _STARTS_MS


class Engine:
    """Judges windows when the watermark passes their end.

    Args:
        log: the partition read, "cluster id/topic id/partition".
        live_from: the first offset not decided yet.
        current: the last transition of each alert.
        tells_losses: whether this engine raises `records_lost`. Starts are sent to every partition, so one engine does.
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
    ) -> None:
        self._rules = rules
        self._log = log
        self._live_from = live_from
        self._keep_ms = history_ms(rules)
        self._longest_cooldown_ms = max((rule.rule.cooldown for rule in rules), default=0)
        self._windows = Windows(frozenset(r.aggregate.measure for r in rules if r.aggregate.measure))
        self._sources = Sources(source_timeout_ms)
        current = list(current)
        self._losses = Losses(log, live_from, current) if tells_losses else None
        self._current = {alert.fingerprint: alert for alert in current if alert.rule != RECORDS_LOST}
        self._states = {key: state_of(alert, log) for key, alert in self._current.items()}
        self._judged: set[str] = set()
        self._judged_to = {rule.rule.name: 0 for rule in rules}
        self._forgotten_to = 0
        self._offset = -1
        self.left_out = 0
        """Rows that were left out: too old to be judged, or of windows in the future."""

    def take(self, offset: int, timestamp_ms: int, record: Any) -> list[Alert]:
        """Take the log's next record; returns the transitions it causes."""
        self._sources.clock_ms = max(self._sources.clock_ms, timestamp_ms)
        self._offset = offset
        match record.kind:
            case "row":
                return list(self._take_row(record))
            case "epoch":
                lost = self._losses.take(record, offset, timestamp_ms) if self._losses else ()
                return [*lost, *self._take_start(record)]
            case "progress":
                return list(self._take_progress(record))
        # A summary: what it counts is in the rows, when its block may be folded is in the progress.
        # A score_row: no rule judges scores.
        return []

    def _take_row(self, row: Any) -> Iterator[Alert]:
        end_ms = row.window_start_ms + row.window_ms
        if not self._forgotten_to < end_ms <= self._sources.clock_ms + _AHEAD_MS:
            self.left_out += 1
            return
        series = self._windows.put(row)
        if series is None:
            return
        if not series.fingerprints:
            series.fingerprints = {r.rule.name: fingerprint_of(r.rule.name, row.labels) for r in self._rules_of(series)}
            self._judged.update(series.fingerprints.values())
        yield from self._judge_again(series, [row.window_start_ms], "a late row changed the window")

    def _take_start(self, start: Any) -> Iterator[Alert]:
        for series, starts_ms in self._windows.start(start):
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
        yield from self._end_what_nothing_judges(watermark_ms)
        if self._losses:
            yield from self._losses.end(self._offset, self._sources.clock_ms)

    def _rules_of(self, series: Series) -> list[BoundRule]:
        return [r for r in self._rules if r.grouping.name == series.grouping and r.judges(series.labels)]

    def _judge_to(self, watermark_ms: int) -> Iterator[Alert]:
        """Judge every window that has ended since the last time, in order of their ends."""
        for rule in self._rules:
            if rule.aggregate.counts and not self._sources.complete:
                continue  # a count that lacks a source is wrong, so rules on counts wait for all sources
            name, width = rule.rule.name, rule.grouping.window_ms
            to_ms = watermark_ms // width * width
            for series in self._windows.of(rule.grouping.name):
                if name in series.fingerprints:
                    for at_ms in self._ends(rule, series, to_ms):
                        yield from self._judge(rule, series, at_ms)
            self._judged_to[name] = max(self._judged_to[name], to_ms)
        self._forget(watermark_ms)

    def _ends(self, rule: BoundRule, series: Series, to_ms: int) -> Iterable[int]:
        """The window ends to judge: from the first window that is kept to one lookback after the last. After that only
        time changes a verdict, for which one more judgement at the end is enough."""
        width = series.window_ms
        oldest = (to_ms - self._keep_ms - _WAIT_MS) // width * width
        first = max(self._judged_to[rule.rule.name], min(series.windows), oldest) + width
        last = series.last_end_ms() + rule.rule.lookback + rule.rule.keep_firing_for + width
        if rule.judges_nothing:
            last += rule.rule.for_  # the condition begins to hold after the last window
        return range(first, min(to_ms, last) + 1, width)

    def _forget(self, watermark_ms: int) -> None:
        """Drop windows that no rule will look at again."""
        slowest = min(self._judged_to.values(), default=watermark_ms)
        self._forgotten_to = max(self._forgotten_to, max(slowest, watermark_ms - _WAIT_MS) - self._keep_ms)
        for series in self._windows.forget(self._forgotten_to):
            for rule in self._rules_of(series):
                key = series.fingerprints[rule.rule.name]
                self._judged.discard(key)

    def _judge_again(self, series: Series, changed_ms: Sequence[int], reason: str) -> Iterator[Alert]:
        """Windows that were judged already have changed (their starts, ms): judge again the latest window end whose
        lookback they are part of."""
        for rule in self._rules_of(series):
            judged_to = self._judged_to[rule.rule.name]
            waits = rule.aggregate.counts and not self._sources.complete
            if any(start < judged_to <= start + rule.rule.lookback for start in changed_ms) and not waits:
                yield from self._judge(rule, series, judged_to, reason)

    def _judge(self, rule: BoundRule, series: Series, at_ms: int, reason: str = "") -> Iterator[Alert]:
        totals = series.totals(at_ms - rule.rule.lookback, at_ms)
        value = rule.aggregate.of(totals)
        holds = rule.holds(value, totals.n)
        key = series.fingerprints[rule.rule.name]
        before = self._states.get(key, State())
        if self._offset < self._live_from or (self._offset, at_ms) <= (before.offset, before.at_ms):
            self._keep(key, observe(before, holds, at_ms))  # decided before the log was read again
            return
        timing = Timing(rule.rule.for_, rule.rule.keep_firing_for, rule.rule.cooldown)
        after = step(before, timing, holds, at_ms)
        if told := (after.phase, after.seq, after.starts_at_ms) != (before.phase, before.seq, before.starts_at_ms):
            after = replace(after, offset=self._offset)
        self._keep(key, after)
        if told:
            self._current[key] = alert_of(rule, series.labels, after, value, totals, reason=reason, log=self._log)
            yield self._current[key]

    def _keep(self, key: str, state: State) -> None:
        if state != State():
            self._states[key] = state

    def _forget_cooled(self, key: str, state: State, watermark_ms: int) -> None:
        """Forget an ended alert of a series without windows, once its cooldown is over."""
        if max(state.last_fired_at_ms or 0, state.at_ms) + self._longest_cooldown_ms <= watermark_ms:
            self._states.pop(key)
            self._current.pop(key, None)

    def _end_what_nothing_judges(self, watermark_ms: int) -> Iterator[Alert]:
        """End alerts whose rule was removed or whose series is no longer heard of: nothing else would."""
        if self._offset < self._live_from:
            return
        names = {rule.rule.name for rule in self._rules}
        for key, state in list(self._states.items()):
            if key in self._judged:
                continue
            if state.phase == "inactive":
                self._forget_cooled(key, state, watermark_ms)
                continue
            alert = self._current[key]
            if alert.rule in names and watermark_ms < state.at_ms + round(alert.lookback_s * 1000):
                continue
            reason = "no calls to judge" if alert.rule in names else "the rule was removed or changed"
            alert = ended(alert, max(watermark_ms, state.at_ms), self._offset, reason).model_copy(
                update={"log": self._log}
            )
            self._current[key], self._states[key] = alert, state_of(alert, self._log)
            yield alert
