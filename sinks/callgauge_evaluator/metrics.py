"""What Prometheus is told of an evaluator, of its own process or of the sinks' in a local stack."""

from __future__ import annotations

from callgauge_evaluator.evaluator import Evaluator
from callgauge_intake.metrics import Counted

__all__ = ["counted_of"]


def counted_of(evaluator: Evaluator) -> list[Counted]:
    """Its numbers."""
    return [
        Counted(
            *("evaluator_leads", "Whether this one judges: of several evaluators one does.", ()),
            lambda: {(): float(evaluator.leads)},
            falls=True,
        ),
        Counted(
            *("evaluator_judged_timestamp_seconds", "The last instant that was judged; 0: none yet.", ()),
            lambda: {(): evaluator.judged_s},
            falls=True,
        ),
        Counted(
            *("evaluator_alerts_told", "Transitions of alerts that were sent.", ()),
            lambda: {(): float(evaluator.alerts_told)},
        ),
    ]
