"""What a detector says of a series at an instant, from the values before it. Pure.

The detector is made anew each time and fed with as much of the past as it remembers. So what it says is a function of
the stored past and the instant: it does not matter when the evaluator was started, or whether there are two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from callgauge_detectors.counts import histogram_of, share_of
from callgauge_detectors.verdict import LEVELS, NORMAL, Verdict
from callgauge_rules.bound import BoundCondition
from callgauge_windows.totals import Totals

__all__ = ["Part", "Said", "feed", "steps_back"]

#: What lasts longer than this is the new normal, and is learned although the condition holds; as in the stream.
_LONGEST_PAUSE_MS = 6 * 3_600_000
_MOST_POINTS = 60


class Said(NamedTuple):
    """The last verdict, its rank, and the newest values with their times in epoch seconds, oldest first."""

    verdict: Verdict
    rank: int
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Part:
    """Consecutive lookbacks.

    Attributes:
        totals: one for each, the last of which ends at `end_ms`, each `every_ms` after the one before.
        version: what was in force: the id of a mark; "" where no mark matters.
    """

    end_ms: int
    totals: Sequence[Totals]
    version: str = ""

    def steps(self, every_ms: int) -> Iterator[tuple[int, Totals]]:
        """The end of each lookback, and its totals."""
        first_ms = self.end_ms - (len(self.totals) - 1) * every_ms
        return ((first_ms + number * every_ms, each) for number, each in enumerate(self.totals))


def steps_back(condition: BoundCondition) -> int:
    """With how many steps a detector is fed. Those that add up know no more than what they remember; of the others
    twice of that decides next to all."""
    span_ms = condition.remembers_ms * (1 if condition.kind.adds else 2) + condition.lookback_ms
    return -(-span_ms // condition.every_ms) + 1


def feed(condition: BoundCondition, parts: Sequence[Part]) -> Said:
    """Feed the condition's detector; where the version changes, a new baseline begins."""
    detector = condition.kind.make(condition.config)
    said, odd_since_ms, last = NORMAL, 0, ""
    points: list[tuple[float, float]] = []
    for version, at_ms, totals in ((part.version, *step) for part in parts for step in part.steps(condition.every_ms)):
        if version != last:
            detector.begin(version)
            last, odd_since_ms = version, 0
        value = _value(condition, totals)
        learn = not odd_since_ms or at_ms - odd_since_ms > _LONGEST_PAUSE_MS
        if value is None:
            said = NORMAL
            continue
        given, more = _given(condition, totals, value)
        said = detector.update(given, at_ms, learn=learn, **more)
        points.append((at_ms / 1000, value))
        odd_since_ms = (odd_since_ms or at_ms) if _rank(condition, said) else 0
    return Said(said, _rank(condition, said), tuple(points[-_MOST_POINTS:]))


def _value(condition: BoundCondition, totals: Totals) -> float | None:
    return condition.aggregate.of(totals) if condition.n_of(totals) >= condition.min_count else None


def _given(condition: BoundCondition, totals: Totals, value: float) -> tuple[Any, dict[str, Any]]:
    """What the detector is fed with: the value, or counts of calls."""
    feeds = condition.kind.feeds
    if feeds == "value":
        return value, {}
    if feeds == "share":
        whole = condition.n_of(totals)
        return share_of(round(value * whole), whole), {}
    measured = totals.measures.get(condition.aggregate.measure)
    if measured is None:
        return {}, {}
    counts = histogram_of(measured.zero_count, measured.buckets)
    more = {"largest": float(measured.max), "event_id": measured.max_event_id} if feeds == "call" else {}
    return counts, more


def _rank(condition: BoundCondition, said: Verdict) -> int:
    return int(condition.rank_of_level[LEVELS.index(said.level)])
