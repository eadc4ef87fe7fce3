"""How far back detect remembers, and how far back it reads its log to remember the same after a restart."""

from __future__ import annotations

from collections.abc import Sequence

from callgauge_rules.bound import BoundRule
from callgauge_streams.detect.learned_states import SAVED_EVERY_MS
from callgauge_streams.detect.overflows import LASTS_MS
from callgauge_streams.detect.rings import resolution_ms
from callgauge_streams.detect.sources import GONE_AFTER

__all__ = ["ABSENT_MS", "history_ms", "read_back_ms"]

#: A series without calls is known, and an alert that its traffic has stopped goes on, for so long.
ABSENT_MS = 3_600_000
# Rollup repeats each source's start about once a minute; that long is read to have heard them all.
_STARTS_MS = 180_000


def history_ms(rules: Sequence[BoundRule]) -> int:
    """How long windows must be kept: for the lookback of the next one, and to know since when a condition has held."""
    return max((_needed_ms(rule) for rule in rules), default=0)


def _needed_ms(bound: BoundRule) -> int:
    rule = bound.rule
    learns_of_nothing = any(each.learns and each.min_count == 0 for each in bound.conditions)
    absent_ms = ABSENT_MS if bound.judges_nothing or learns_of_nothing else 0
    coarse_ms = resolution_ms(bound.lookback_ms, bound.grouping.window_ms)
    coarse_ms = 0 if coarse_ms == bound.grouping.window_ms else coarse_ms
    return bound.lookback_ms + coarse_ms + rule.keep_firing_for + rule.for_ + bound.step_ms + absent_ms


def read_back_ms(rules: Sequence[BoundRule], source_timeout_ms: int) -> int:
    """How far before the first undecided record the log must be read: the windows' history, when a label last had too
    many values, and of every source its progress and the epoch in force.

    Windows are kept by event time but found in the log by append time. Twice the history is enough as long as event
    time has run at least half as fast as the log's clock (it is slower only while rollup falls behind).
    """
    saved_ms = 2 * SAVED_EVERY_MS if any(rule.learns for rule in rules) else 0
    return max(2 * (history_ms(rules) + saved_ms), LASTS_MS) + GONE_AFTER * source_timeout_ms + _STARTS_MS
