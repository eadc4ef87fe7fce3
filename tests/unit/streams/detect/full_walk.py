"""Detect as it was when it walked over all series at each progress record: the plain way to say what is judged when.

`WalkingEngine` is what `callgauge_streams.detect.engine.Engine`, which looks only at what is due, is compared with.
It is slow on purpose; do not make it faster. It keeps every window by itself, whatever rings there are. It differs from
how it was in these points: windows are forgotten by what the rules of their own grouping set need, a lookback begins
where rings let it begin, and "nothing came" holds until the series has vanished.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from callgauge.durations import written
from callgauge.schema import Alert
from callgauge_rules.alert_ids import fingerprint_of
from callgauge_rules.alerts import alert_of, ended, state_of
from callgauge_rules.lifecycle import COUNTED_MS, QUIET_MS, State, Timing, observe, step
from callgauge_rules.rules import RECORDS_LOST, BoundRule
from callgauge_streams.detect.history_span import ABSENT_MS, history_ms
from callgauge_streams.detect.rings import begin_ms, resolution_ms
from callgauge_streams.detect.sources import Sources
from tests.unit.streams.detect.full_walk_windows import Series, Windows

# How long windows are kept for count rules that wait for an unheard source.
_WAIT_MS = 3_600_000
# Rows of windows further ahead of the log's clock come from clocks that are wrong, and would be kept for ever.
_AHEAD_MS = 3_600_000


#: What an alert shows besides; the plain way does not draw it.
_EVIDENCE = {"points": [], "event_ids": [], "heard": 1.0}


def plain(alert: Alert) -> Alert:
    """An alert without its picture and its examples."""
    return alert.model_copy(update=_EVIDENCE)


class WalkingEngine:
    """Takes what `Engine` takes; it tells of no losses and no overflows, and has no cap."""

    def __init__(
        self,
        rules: Sequence[BoundRule],
        *,
        source_timeout_ms: int,
        live_from: int,
        current: Iterable[Alert] = (),
        log: str = "",
    ) -> None:
        self._rules = rules
        self._log = log
        self._live_from = live_from
        groupings = {rule.grouping.name for rule in rules}
        self._keep_ms = {g: history_ms([r for r in rules if r.grouping.name == g]) for g in groupings}
        self._longest_cooldown_ms = max((rule.rule.cooldown for rule in rules), default=0)
        self._windows = Windows(frozenset(r.aggregate.measure for r in rules if r.aggregate.measure))
        self._sources = Sources(source_timeout_ms)
        current = list(current)
        self._current = {alert.fingerprint: alert for alert in current if alert.rule != RECORDS_LOST}
        self._states = {key: state_of(alert, log) for key, alert in self._current.items()}
        self._judged: set[str] = set()
        self._judged_to = {rule.rule.name: 0 for rule in rules}
        self._forgotten_to = dict.fromkeys(groupings, 0)
        self._recounted: dict[str, dict[tuple[Series, int], None]] = {}
        self._offset = -1
        self.left_out = 0
        """Rows that were left out: too old to be judged, or of windows in the future."""

    def take(self, offset: int, timestamp_ms: int, record: Any) -> list[Alert]:
        """Take the log's next record; returns the transitions it causes."""
        self._sources.clock_ms = max(self._sources.clock_ms, timestamp_ms)
        self._offset = offset
        match record.kind:
            case "row" if record.grouping in self._keep_ms:
                return list(self._take_row(record))
            case "epoch":
                return list(self._take_start(record))
            case "progress":
                return list(self._take_progress(record))
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
            series.fingerprints = {r.rule.name: fingerprint_of(r.rule.name, row.labels) for r in self._rules_of(series)}
            self._judged.update(series.fingerprints.values())
        if row.source in self._recounted:
            self._recounted[row.source][series, row.window_start_ms] = None
            return
        yield from self._judge_again(series, [row.window_start_ms], "a late row changed the window")

    def _take_start(self, start: Any) -> Iterator[Alert]:
        lost = [(series, at) for series, starts_ms in self._windows.start(start) for at in starts_ms]
        if lost:
            self._sources.begin_again(start.source)
            self._recounted.setdefault(start.source, {}).update(dict.fromkeys(lost))
            yield from self._judge_recounted()

    def _judge_recounted(self) -> Iterator[Alert]:
        """Windows wait until the source whose rows became void has come as far as before."""
        places: dict[tuple[Series, int], None] = {}
        for source in list(self._recounted):
            if self._sources.has_caught_up(source):
                places.update(self._recounted.pop(source))
        known = [place for place in places if self._windows.knows(place[0])]
        for _, of in groupby(known, key=lambda place: place[0].grouping):
            starts: dict[Series, list[int]] = {}
            for series, start_ms in of:
                starts.setdefault(series, []).append(start_ms)
            for series, starts_ms in starts.items():
                reason = "rows became void and were counted again by other settings"
                yield from self._judge_again(series, starts_ms, reason)

    def _take_progress(self, progress: Any) -> Iterator[Alert]:
        sources = [source for source in progress.sources if source.holds == "calls"]
        self._sources.hear(sources)
        for source in sources:
            self._windows.fold(source.source, source.committed)
        watermark_ms = self._sources.watermark_ms()
        yield from self._judge_recounted()
        yield from self._judge_to(watermark_ms)
        yield from self._end_what_nothing_judges(watermark_ms)

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
        oldest = (to_ms - self._keep_ms[series.grouping] - _WAIT_MS) // width * width
        first = max(self._judged_to[rule.rule.name], min(series.windows), oldest) + width
        last = series.last_end_ms() + rule.lookback_ms + rule.rule.keep_firing_for + width
        if (coarse := resolution_ms(rule.lookback_ms, width)) > width:
            last += coarse
        if rule.judges_nothing:
            last += rule.rule.for_ + ABSENT_MS  # the condition begins to hold after the last window
        return range(first, min(to_ms, last) + 1, width)

    def _forget(self, watermark_ms: int) -> None:
        """Drop windows that no rule will look at again."""
        for grouping, keep_ms in self._keep_ms.items():
            slowest = min(self._judged_to[r.rule.name] for r in self._rules if r.grouping.name == grouping)
            before_ms = max(slowest, watermark_ms - _WAIT_MS) - keep_ms
            self._forgotten_to[grouping] = max(self._forgotten_to[grouping], before_ms)
            for series in self._windows.forget(self._forgotten_to[grouping], grouping):
                for rule in self._rules_of(series):
                    self._judged.discard(series.fingerprints[rule.rule.name])

    def _judge_again(self, series: Series, changed_ms: Sequence[int], reason: str) -> Iterator[Alert]:
        """Windows that were judged already have changed (their starts, ms): judge again the latest window end whose
        lookback they are part of."""
        for rule in self._rules_of(series):
            judged_to = self._judged_to[rule.rule.name]
            waits = rule.aggregate.counts and not self._sources.complete
            begin = begin_ms(rule.lookback_ms, series.window_ms, judged_to)
            if any(begin <= start < judged_to for start in changed_ms) and not waits:
                yield from self._judge(rule, series, judged_to, reason)

    def _judge(self, rule: BoundRule, series: Series, at_ms: int, reason: str = "") -> Iterator[Alert]:
        totals = series.totals(begin_ms(rule.lookback_ms, series.window_ms, at_ms), at_ms)
        value = rule.aggregate.of(totals)
        holds = rule.main.rank(value, totals.n)
        newest = max((start for start in series.windows if start < at_ms), default=-series.window_ms)
        if rule.judges_nothing and newest + series.window_ms + rule.lookback_ms + ABSENT_MS <= at_ms:
            holds = 0
            reason = reason or f"no calls for {written(rule.lookback_ms + ABSENT_MS)}: the series has vanished"
        key = series.fingerprints[rule.rule.name]
        before = self._states.get(key, State())
        if self._offset < self._live_from or (self._offset, at_ms) <= (before.offset, before.at_ms):
            self._keep(key, observe(before, holds, at_ms, offset=self._offset))  # decided before the log was read again
            return
        timing = Timing(rule.rule.for_, rule.rule.keep_firing_for, rule.rule.cooldown)
        after = step(before, timing, holds, at_ms)
        if told := (after.phase, after.seq, after.starts_at_ms) != (before.phase, before.seq, before.starts_at_ms):
            after = replace(after, offset=self._offset)
        self._keep(key, after)
        if told:
            self._current[key] = alert_of(rule, series.labels, after, value, totals, reason=reason, log=self._log)
            yield plain(self._current[key])

    def _keep(self, key: str, state: State) -> None:
        if state != State():
            self._states[key] = state

    def _forget_cooled(self, key: str, state: State, watermark_ms: int) -> None:
        """Forget an ended alert of a series without windows, once its cooldown is over and it cannot flap."""
        kept_ms = max(self._longest_cooldown_ms, COUNTED_MS if state.changes_ms else 0)
        if max(state.last_fired_at_ms or 0, state.at_ms) + kept_ms <= watermark_ms:
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
            lasts_ms = state.at_ms + round(alert.lookback_s * 1000)
            if state.flapping:
                lasts_ms = state.last_true_ms + QUIET_MS
            if alert.rule in names and watermark_ms < lasts_ms:
                continue
            reason = "no calls to judge" if alert.rule in names else "the rule was removed or changed"
            alert = ended(alert, max(watermark_ms, state.at_ms), self._offset, reason).model_copy(
                update={"log": self._log}
            )
            self._current[key], self._states[key] = alert, state_of(alert, self._log)
            yield alert
