"""Before and after a mark: the same span of time on both sides, of the calls that the mark concerns.

    before              mark              after
    [at - span, at)      at      [at, at + span), as far as it has passed

If less than the span has passed, the time before is as short, so that both sides have as many hours. A whole number of
days or weeks compares the same hours of the day.
"""

from __future__ import annotations

from dataclasses import dataclass

from callgauge_history.comparing.beside import Beside, compare_calls
from callgauge_history.comparing.selection import Ask, Selection, score_names, score_values
from callgauge_history.marks.stored import NoSuchMark, StoredMark
from callgauge_history.statistics.mann_whitney import Comparison, compare
from callgauge_history.statistics.proportions import ShareComparison

__all__ = ["MarkReport", "ScoreChange", "mark_report"]


@dataclass(frozen=True)
class ScoreChange:
    """One score, before (a) and after (b)."""

    name: str
    mean_a: float
    mean_b: float
    comparison: Comparison


@dataclass(frozen=True)
class MarkReport:
    """What changed with a mark; a is before, b after."""

    mark: StoredMark
    before: Selection
    after: Selection
    calls_a: int
    calls_b: int
    errors: ShareComparison | None
    beside: tuple[Beside, ...]
    scores: tuple[ScoreChange, ...]


def mark_report(ask: Ask, mark: StoredMark, span_ms: int, now_ms: int, alpha: float = 0.05) -> MarkReport:
    """Compare before and after.

    Raises:
        NoSuchMark: it lies in the future.
        StoreError: the store cannot be asked.
    """
    passed_ms = min(span_ms, now_ms - mark.at_ms)
    if passed_ms <= 0:
        raise NoSuchMark(f"mark {mark.mark_id} lies in the future: there is nothing after it yet")
    before = Selection(mark.at_ms - passed_ms, mark.at_ms, mark.where)
    after = Selection(mark.at_ms, mark.at_ms + passed_ms, mark.where)
    sizes, errors, beside = compare_calls(ask, before, after, alpha)
    scores = []
    for name in score_names(ask, after):
        of_a, of_b = (score_values(ask, each, name) for each in (before, after))
        if min(len(of_a), len(of_b)) >= 2:
            scores.append(ScoreChange(name, float(of_a.mean()), float(of_b.mean()), compare(of_a, of_b, alpha)))
    return MarkReport(mark, before, after, *sizes, errors, beside, tuple(scores))
