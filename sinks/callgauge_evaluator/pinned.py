"""What a detector is fed with whose baseline is pinned to marks: the time before the last one, and the time since.

    before          mark   the first of the time since          now
    |------- span -------| |------- span -------|   ...   |- span -|

A span is as much as the detector remembers. What lies between two of them decides nothing: the baseline is full by
then, and the detector compares the present with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from callgauge_evaluator.binding import HistoryRule
from callgauge_evaluator.learned import Part, steps_back
from callgauge_evaluator.lookbacks import Labels, lookbacks
from callgauge_history.marks.stored import StoredMark, stored_marks
from callgauge_history.store import Ask
from callgauge_rules.bound import BoundCondition
from callgauge_windows.totals import Totals

__all__ = ["pinned_parts"]

#: Marks of longer ago are forgotten.
_REMEMBERED_MS = 90 * 86_400_000


def pinned_parts(
    rule: HistoryRule, condition: BoundCondition, ask: Ask, end_ms: int, now: Mapping[Labels, Sequence[Totals]]
) -> dict[Labels, list[Part]]:
    """What each series is fed with.

    Args:
        now: the newest lookbacks of each series, of one span.
    """
    marks = stored_marks(ask, end_ms - _REMEMBERED_MS, end_ms)
    series: dict[str, list[Labels]] = defaultdict(list)
    by_id = {mark.mark_id: mark for mark in marks}
    for labels in now:
        known = {**rule.bound.rule.where, **dict(zip(rule.by, labels, strict=True))}
        series[next((mark.mark_id for mark in marks if mark.concerns(known)), "")].append(labels)
    fed: dict[Labels, list[Part]] = {}
    for mark_id, of_mark in series.items():
        known_ms, around = _around(rule, condition, ask, end_ms, by_id[mark_id]) if mark_id else (0, {})
        for labels in of_mark:
            parts = around.get(labels, [])
            if known_ms != end_ms:
                parts = [*parts, Part(end_ms, now[labels], mark_id)]
            elif all(part.version != mark_id for part in parts):
                parts = [*parts, Part(end_ms, [Totals()], mark_id)]  # no call since the mark: nothing to judge
            fed[labels] = parts
    return fed


def _around(
    rule: HistoryRule, condition: BoundCondition, ask: Ask, end_ms: int, mark: StoredMark
) -> tuple[int, dict[Labels, list[Part]]]:
    """The spans before a mark and after it, and where the latter ends.

    The step that the mark lies in belongs to neither. If the span after it would reach into the newest one, it
    goes on to the end instead.
    """
    every_ms, span = condition.every_ms, steps_back(condition)
    before_ms, since_ms = mark.at_ms // every_ms * every_ms, -(-mark.at_ms // every_ms) * every_ms
    after_ms = since_ms + span * every_ms
    if after_ms > end_ms - span * every_ms:
        after_ms = end_ms
    count = (after_ms - since_ms - condition.lookback_ms) // every_ms + 1
    around: dict[Labels, list[Part]] = defaultdict(list)
    for labels, totals in lookbacks(rule, condition, ask, before_ms, span).items():
        around[labels].append(Part(before_ms, totals))
    for labels, totals in (lookbacks(rule, condition, ask, after_ms, count) if count > 0 else {}).items():
        around[labels].append(Part(after_ms, totals, mark.mark_id))
    return after_ms, around
