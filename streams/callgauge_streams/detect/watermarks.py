"""How far event time has come, for rules on calls and for rules on scores: they come from sources of their own, and
calls do not wait for scores."""

from __future__ import annotations

from typing import Any

from callgauge_rules.bound import BoundRule
from callgauge_streams.detect.sources import GONE_AFTER, Sources

__all__ = ["Watermarks"]


class Watermarks:
    """Learns from progress records.

    Args:
        timeout_ms: see `Sources`.
        settled: every source is heard of from its beginning on.
    """

    def __init__(self, timeout_ms: int, *, settled: bool = False) -> None:
        self._calls, self._scores = Sources(timeout_ms), Sources(timeout_ms)
        self._settles_ms = 0 if settled else GONE_AFTER * timeout_ms
        self._began_ms: int | None = None

    @property
    def clock_ms(self) -> int:
        """The log's clock: the largest record timestamp seen."""
        return self._calls.clock_ms

    def tick(self, timestamp_ms: int) -> None:
        """A record has come."""
        self._began_ms = timestamp_ms if self._began_ms is None else self._began_ms
        for sources in (self._calls, self._scores):
            sources.clock_ms = max(sources.clock_ms, timestamp_ms)

    def hear(self, progress: Any) -> None:
        """Take note of a `Progress` record."""
        self._calls.hear(source for source in progress.sources if source.holds == "calls")
        self._scores.hear(source for source in progress.sources if source.holds == "scores")

    @property
    def settled(self) -> bool:
        """Whether the log was read for so long that every source was heard of, or is gone."""
        return self._began_ms is not None and self.clock_ms - self._began_ms >= self._settles_ms

    def begin_again(self, source: str) -> None:
        """See `Sources.begin_again`."""
        for sources in (self._calls, self._scores):
            sources.begin_again(source)

    def has_caught_up(self, source: str) -> bool:
        """See `Sources.has_caught_up`."""
        return self._calls.has_caught_up(source) and self._scores.has_caught_up(source)

    @property
    def of_calls_ms(self) -> int:
        """Event time up to which calls are complete."""
        return self._calls.watermark_ms()

    def of(self, rule: BoundRule) -> int:
        """Event time up to which what a rule judges is complete."""
        return min(sources.watermark_ms() for sources in self._of(rule))

    def waits(self, rule: BoundRule) -> bool:
        """Whether a rule is not judged now: a count that lacks a source is wrong."""
        return rule.counts and not all(sources.complete for sources in self._of(rule))

    def heard(self, rule: BoundRule) -> float:
        """Share of the rule's sources that were heard of lately."""
        return min(sources.heard for sources in self._of(rule))

    def state(self) -> Any:
        """All that it knows, for a snapshot; `put_back` takes it."""
        return self._calls.state(), self._scores.state(), self._began_ms, self._settles_ms

    def put_back(self, state: Any) -> None:
        """See `state`."""
        calls, scores, self._began_ms, self._settles_ms = state
        self._calls.put_back(calls)
        self._scores.put_back(scores)

    def _of(self, rule: BoundRule) -> list[Sources]:
        return [self._calls] * rule.of_calls + [self._scores] * rule.of_scores
