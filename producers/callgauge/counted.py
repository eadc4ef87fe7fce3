"""Declares what windows know about calls, in one place: labels, categories, numbers, and what is added up of them.

The rest follows from these tables: the reader's columns, rollup's sums, the rows' fields, ClickHouse's columns and the
totals that rules are judged on. Where something cannot follow by itself (a column needs a migration, an aggregate needs
a name), tests/unit/sinks/test_counted.py fails and names the place. CONTRIBUTING.md shows how to add something, step by
step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = [
    "COUNTED_NUMBERS",
    "LABELS",
    "MEASURES",
    "OUTCOME_COUNTS",
    "OUTCOME_FIELDS",
    "TOKEN_SUMS",
    "MeasureOf",
    "OutcomeCount",
]

#: The labels a grouping set may name, in canonical order. Each is a field of `Call`.
LABELS = (
    "service",
    "environment",
    "feature",
    "endpoint",
    "operation",
    "provider",
    "model",
    "response_model",
    "prompt_version",
    "variant",
)

#: The categorical fields of a call; their values together are its outcome.
OUTCOME_FIELDS = ("status", "error_type", "http_status", "finish_reason", "cache_hit", "cache_level", "retry_count")


class OutcomeCount(NamedTuple):
    """A count that depends on the outcome of calls. Each is a field of `WindowRow`."""

    name: str
    of: Callable[[Mapping[str, Any]], int]
    """Gives what one call adds, from the values of its OUTCOME_FIELDS."""


#: What rows count of outcomes, besides errors by type and finish reasons.
OUTCOME_COUNTS = (
    OutcomeCount("fallbacks", lambda call: call["status"] == "fallback"),
    OutcomeCount("cancelled", lambda call: call["status"] == "cancelled"),
    OutcomeCount("cache_hits", lambda call: call["cache_hit"]),
    OutcomeCount("cache_hits_exact", lambda call: call["cache_hit"] and call["cache_level"] == "exact"),
    OutcomeCount("cache_hits_semantic", lambda call: call["cache_hit"] and call["cache_level"] == "semantic"),
    OutcomeCount("rate_limited", lambda call: call["error_type"] == "rate_limit" or call["http_status"] == 429),
    OutcomeCount("retries", lambda call: call["retry_count"]),
)

#: The numbers of a call that windows are computed from. The four of rate limits become one: the largest share used up.
COUNTED_NUMBERS = (
    "ts",
    "latency_ms",
    "time_to_first_token_ms",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "rate_limit_limit_requests",
    "rate_limit_remaining_requests",
    "rate_limit_limit_tokens",
    "rate_limit_remaining_tokens",
)

#: Numbers of which a row holds only the sum, under the same name.
TOKEN_SUMS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


class MeasureOf(NamedTuple):
    """A number of which a row has count, sum, sum of squares, extremes and a histogram (`schema.Measure`)."""

    field: str
    """The field of `Call`."""
    unit: str
    """The unit of the integers that are added up."""
    per_unit: float
    """How many of that unit make one unit of the field."""
    square_unit: int
    """A value is divided by this, rounded down, before it is squared, so that the squares of a block fit 64 bits."""
    successful_only: bool = False
    """Whether calls that failed or were cancelled are left out."""


#: The measured quantities of a `WindowRow`, by name.
MEASURES = {
    "latency": MeasureOf("latency_ms", "µs", 1e3, 1_000, successful_only=True),  # squares in ms²
    "ttft": MeasureOf("time_to_first_token_ms", "µs", 1e3, 1_000),  # squares in ms²
    "cost": MeasureOf("cost_usd", "nano-dollars", 1e9, 10_000),  # squares in (10⁻⁵ dollar)²
    "output_tokens": MeasureOf("output_tokens", "tokens", 1.0, 1),
}
