"""The figures of some calls, as the API tells them; and how long the steps of a chart are."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field

from callgauge.groupings import parse_groupings
from callgauge_history.questions.numbers import Numbers
from callgauge_history.questions.period import Period

__all__ = ["STEPS_S", "Totals", "step_s_of"]

#: How long a step may be.
STEPS_S = (10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400)
_MOST_STEPS = 180


class Totals(BaseModel):
    """What is known of some calls; null where nothing was measured. Percentiles are at most 1.1 % off."""

    calls: int
    calls_per_s: float
    errors: int
    error_rate: float | None
    fallbacks: int
    cancelled: int
    cache_hits: int = Field(description="Of all levels, also where a call did not tell its level.")
    cache_hits_exact: int
    cache_hits_semantic: int
    rate_limited: int
    retries: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    reasoning_tokens: int
    cost_usd: float
    latency_mean_ms: float | None = Field(description="Of calls that were answered, as all latencies.")
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None

    @classmethod
    def of(cls, numbers: Numbers, period: Period) -> Self:
        """The figures of a period."""
        known = {name: getattr(numbers, name) for name in cls.model_fields if name != "calls_per_s"}
        return cls(calls_per_s=numbers.calls / (period.length_ms / 1e3), **known)


def step_s_of(period: Period, labels: set[str], groupings: str) -> int:
    """Steps of a chart: few enough to be drawn, and such that windows of a grouping set with these labels fit in."""
    windows = [one.window_ms // 1_000 for one in parse_groupings(groupings) if labels <= set(one.labels)]
    least = max(min(windows, default=60), period.length_ms / 1e3 / _MOST_STEPS)
    return next((step for step in STEPS_S if step >= least), STEPS_S[-1])
