"""What is told of two selections besides scores: errors, cost, latency, time to the first token, output tokens."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge_history.comparing.selection import Ask, Selection, call_counts, call_values
from callgauge_history.questions.call_rows import ANSWERED
from callgauge_history.statistics.mann_whitney import Comparison, compare
from callgauge_history.statistics.proportions import ShareComparison, compare_shares

__all__ = ["Beside", "compare_calls"]

_NUMBERS = (
    ("cost", "$", "cost_usd", "cost_usd IS NOT NULL"),
    ("latency", "ms", "round(latency_ms)", f"latency_ms IS NOT NULL AND {ANSWERED}"),
    ("ttft", "ms", "round(time_to_first_token_ms)", "time_to_first_token_ms IS NOT NULL"),
    ("output tokens", "tokens", "toFloat64(output_tokens)", f"output_tokens IS NOT NULL AND {ANSWERED}"),
)


@dataclass(frozen=True)
class Beside:
    """A number of calls in both selections."""

    name: str
    unit: str
    mean_a: float
    mean_b: float
    comparison: Comparison


def compare_calls(
    ask: Ask, a: Selection, b: Selection, alpha: float = 0.05
) -> tuple[tuple[int, int], ShareComparison | None, tuple[Beside, ...]]:
    """Calls of both; their error rates (None where one has no calls); and what else is known of both."""
    (calls_a, failed_a), (calls_b, failed_b) = call_counts(ask, a), call_counts(ask, b)
    errors = compare_shares(failed_a, calls_a, failed_b, calls_b, alpha) if calls_a and calls_b else None
    found = []
    for name, unit, value, given in _NUMBERS:
        of_a, of_b = (call_values(ask, each, value, given) for each in (a, b))
        if min(len(of_a), len(of_b)) >= 2:
            found.append(Beside(name, unit, float(of_a.mean()), float(of_b.mean()), compare(of_a, of_b, alpha)))
    return (calls_a, calls_b), errors, tuple(found)
