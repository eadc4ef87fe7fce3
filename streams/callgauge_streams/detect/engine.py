"""Detect's decisions: a deterministic state machine over one partition of the windows topic.

Everything, time included, comes from records of that log, so reading it again gives the same alerts. Records below
`live_from` have been decided before: they only rebuild the windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from callgauge.schema import Alert
from callgauge_streams.detect.alerts import alert_of, fingerprint_of, state_of
from callgauge_streams.detect.lifecycle import State, Timing, observe, step
from callgauge_streams.detect.merge import Series, Windows
from callgauge_streams.detect.rules import BoundRule
from callgauge_streams.detect.sources import Sources

__all__ = ["Engine", "history_ms", "read_back_ms"]


def history_ms(rules: Sequence[BoundRule]) -> int:
    """How long windows are needed: to judge the next one, and to know since when a condition has held."""
    return max(
        (r.rule.lookback + r.rule.keep_firing_for + r.rule.for_ + r.grouping.window_ms for r in rules), default=0
    )


def read_back_ms(rules: Sequence[BoundRule], source_timeout_ms: int) -> int:
    """How far before the first undecided record the log must be read: the windows' history, and every source heard.

    Windows are kept by event time but found in the log by append time. Twice the history is enough as long as event
    time has run at least half as fast as the log's clock (it is slower only while rollup falls behind).
    """
    return 2 * history_ms(rules) + 2 * source_timeout_ms


class Engine:
    """Judges windows when the watermark passes their end.

    Args:
        live_from: the first offset not decided yet.
        current: the last transition of each alert.
    """

    def __init__(
        self, rules: Sequence[BoundRule], *, source_timeout_ms: int, live_from: int, current: Iterable[Alert] = ()
    ) -> None:
        self._rules = rules
        self._live_from = live_from
        self._keep_ms = history_ms(rules)
        self._windows = Windows(frozenset(r.aggregate.measure for r in rules if r.aggregate.measure))
        self._sources = Sources(source_timeout_ms)
        self._states: dict[str, State] = {alert.fingerprint: state_of(alert) for alert in current}
        self._judged_to: dict[str, int] = {}
        self._offset = -1

    def take(self, offset: int, timestamp_ms: int, record: Any) -> list[Alert]:
        """Take the log's next record; returns the transitions it causes."""
        self._sources.clock_ms = max(self._sources.clock_ms, timestamp_ms)
        self._offset = offset
        match record.kind:
            case "row":
                series = self._windows.put(record)
                return list(self._judge_again(series, record.window_start_ms)) if series else []
            case "summary" if record.complete:
                self._windows.fold(record)
            case "progress":
                self._sources.hear(record.sources)
                return list(self._judge_to(self._sources.watermark_ms()))
        return []

    def _judge_to(self, watermark_ms: int) -> Iterator[Alert]:
        """Judge every window that has ended since the last time, in order of their ends."""
        for rule in self._rules:
            width = rule.grouping.window_ms
            to_ms = watermark_ms // width * width
            judged_to = self._judged_to.get(rule.rule.name, 0)
            for series in self._windows.of(rule.grouping.name):
                if rule.judges(series.labels):
                    for at_ms in self._ends(rule, series, judged_to, to_ms):
                        yield from self._judge(rule, series, at_ms)
            self._judged_to[rule.rule.name] = max(judged_to, to_ms)
        self._windows.forget(watermark_ms - self._keep_ms)

    def _ends(self, rule: BoundRule, series: Series, after_ms: int, to_ms: int) -> Iterable[int]:
        """Window ends to judge: from the first window there is, to one lookback after the last; after that nothing
        changes but what time alone changes, which one more judgement long after settles."""
        width = series.window_ms
        first = max(after_ms, min(series.windows) if series.windows else 0) + width
        last = series.last_end_ms() + rule.rule.lookback + rule.rule.keep_firing_for + width
        return range(first, min(to_ms, last) + 1, width)

    def _judge_again(self, series: Series, window_start_ms: int) -> Iterator[Alert]:
        """A late row changes windows that were judged: judge the latest that it is part of."""
        for rule in self._rules:
            judged_to = self._judged_to.get(rule.rule.name, 0)
            touched = window_start_ms < judged_to <= window_start_ms + rule.rule.lookback
            if rule.grouping.name == series.grouping and touched and rule.judges(series.labels):
                yield from self._judge(rule, series, judged_to, reason="a late row changed the window")

    def _judge(self, rule: BoundRule, series: Series, at_ms: int, reason: str = "") -> Iterator[Alert]:
        totals = series.totals(at_ms - rule.rule.lookback, at_ms)
        value = rule.aggregate.of(totals)
        holds = rule.holds(value, totals.n)
        if rule.aggregate.counts and not self._sources.complete:
            return  # a count without all sources is wrong, not just unsure
        key = fingerprint_of(rule.rule.name, series.labels)
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
            yield alert_of(rule, series.labels, after, value, totals, reason)

    def _keep(self, key: str, state: State) -> None:
        if state != State():
            self._states[key] = state
