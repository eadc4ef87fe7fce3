"""Whether answers have drifted: refusals, length, markers, scores and latency, a baseline against now."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge_history.questions.changes import Change, Side, changes_between, measured
from callgauge_history.questions.labels import Where
from callgauge_history.questions.period import Period
from callgauge_history.store import Ask

__all__ = ["DriftReport", "drift_report"]

#: What says something of the answers, besides scores. What they cost, and how many there are, is not drift.
_OF_ANSWERS = ("latency_ms", "time_to_first_token_ms", "output_tokens", "error_rate", "fallback_rate", "finish_reason.")


@dataclass(frozen=True)
class DriftReport:
    """What changed in the answers.

    Attributes:
        baseline, now: what was counted: the periods that were asked for, as whole windows.
        calls: in the baseline, and now.
        changes: the least explained by chance first; those that matter are `significant`.
    """

    baseline: Period
    now: Period
    calls: tuple[int, int]
    changes: tuple[Change, ...]

    @property
    def drifted(self) -> tuple[Change, ...]:
        """The changes that matter."""
        return tuple(change for change in self.changes if change.significant)


def drift_report(ask: Ask, now: Period, baseline: Period | None = None, where: Where | None = None) -> DriftReport:
    """Compare the answers of two periods.

    Args:
        baseline: by default the period of the same length before.

    Raises:
        QuestionError: a name is no label.
        StoreError: the store cannot be asked.
    """
    where = where or {}
    before = measured(ask, Side(baseline or now.before(), where))
    after = measured(ask, Side(now, where))
    changes = [c for c in changes_between(before, after) if c.name.startswith(("score.", *_OF_ANSWERS))]
    return DriftReport(before.period, after.period, (before.numbers.calls, after.numbers.calls), tuple(changes))
